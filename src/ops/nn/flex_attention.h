// SPDX-License-Identifier: Apache-2.0
// y = prob_mod(softmax(score_mod(scale q k^T))) v, where the two modifiers are bodies from one
// tensor [B, Hq, S, L] to another of that shape and type; an absent one changes nothing.
//   q: [B, Hq, S, D]  k: [B, Hk, L, D]  v: [B, Hk, L, Dv]   f16 bf16 f32 f64      y: [B, Hq, S, Dv]
// ONNX preview FlexAttention-1.
#pragma once

#include <cstdint>
#include <optional>

namespace ferry {

struct FlexAttention {
  std::optional<float> scale;                // absent: 1 / sqrt(D)
  std::optional<int64_t> softmax_precision;  // element type of scores; absent: f32, for f64 f64
};

}  // namespace ferry
