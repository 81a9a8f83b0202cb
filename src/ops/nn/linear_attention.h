// SPDX-License-Identifier: Apache-2.0
// Attention as a recurrence over a state S per key head: each step may decay S by exp(g), adds
// k (x) v (the delta rules: beta k (x) (v - S^T k)), and reads o = scale S^T q.
//   query: [B, T, Hq Dk]  key: [B, T, Hk Dk]  value: [B, T, Hk Dv]  past_state: [B, Hk, Dk, Dv]
//   decay: [B, T, Hk] or [B, T, Hk Dk]  beta: [B, T, Hk] or [B, T, 1]     f16 bf16 f32
//   output: [B, T, Hq Dv]  present_state: [B, Hk, Dk, Dv], type of past_state or of query
// ONNX LinearAttention-27.
#pragma once

#include <cstdint>
#include <string>

namespace ferry {

struct LinearAttention {
  int64_t q_num_heads = 0;  // a multiple of kv_num_heads
  int64_t kv_num_heads = 0;
  float scale = 0;                          // 0: 1 / sqrt(Dk)
  std::string update_rule = "gated_delta";  // or linear, gated, delta
  int64_t chunk_size = 64;                  // a hint that changes no result

  bool is_gated() const { return update_rule.starts_with("gated"); }
  bool is_delta() const { return update_rule.ends_with("delta"); }
};

}  // namespace ferry
