// SPDX-License-Identifier: Apache-2.0
// y = softmax(scale q k^T, capped, + bias) v for every head, with an optional cache of past keys
// and values, masks, causal and window bounds, and fewer key heads than query heads.
//   q: [B, Hq, S, D]  k: [B, Hk, L, D]  v: [B, Hk, L, Dv], or heads inside: q [B, S, Hq D], ...
//   attn_mask: broadcasts to [B, Hq, S, T], bool (true: attend) or numbers to add; may end early
//   past_key: [B, Hk, P, D]  past_value: [B, Hk, P, Dv]  nonpad_kv_seqlen: i64 [B]     T = P + L
//   y: [B, Hq, S, Dv] or [B, S, Hq Dv]   present_key, present_value: [B, Hk, T, ...]
//   qk_matmul_output: [B, Hq, S, T]      f16 bf16 f32 f64
// A query that may attend no key gives zeros.
// ONNX Attention-25.
#pragma once

#include <cstdint>
#include <optional>

namespace ferry {

// What becomes of a query whose probabilities are no numbers. Rewrites set the others.
enum class EmptyRows : uint8_t {
  kZeroIfMasked,  // zeros where no key may be attended; NaN scores stay NaN
  kNaN,           // what softmax gives for a row of -infinity, NaN
  kZero,          // zeros instead of every NaN row
};

struct Attention {
  bool is_causal = false;
  std::optional<float> scale;                // absent: 1 / sqrt(D)
  float softcap = 0;                         // 0: none
  std::optional<int64_t> q_num_heads;        // with 3-D inputs
  std::optional<int64_t> kv_num_heads;       // with 3-D inputs
  int64_t qk_matmul_output_mode = 0;         // 0 raw, 1 capped, 2 with bias, 3 probabilities
  int64_t left_window_size = -1;             // keys before the query's position; -1: all
  int64_t right_window_size = -1;            // keys after it; -1: all
  std::optional<int64_t> softmax_precision;  // type that 16-bit softmax rounds to; absent: q's
  EmptyRows empty_rows = EmptyRows::kZeroIfMasked;  // no ONNX attribute
};

}  // namespace ferry
