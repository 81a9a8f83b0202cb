// SPDX-License-Identifier: Apache-2.0
// LayerNormalization: y = (x - mean) / sqrt(var + epsilon) * scale + b over the axes [axis, rank);
// RMSNormalization:   y = x / sqrt(mean of x^2 + epsilon) * scale.
//   x: any shape  scale, b: broadcast to x   f16 bf16 f32 f64
//   y: shape of x   mean, inv_std_dev (LayerNormalization): x's shape with ones from `axis` on
// ONNX LayerNormalization-17, RMSNormalization-23.
#pragma once

#include <cstdint>

namespace ferry {

struct LayerNormalization {
  int64_t axis = -1;
  float epsilon = 1e-5f;
  int64_t stash_type = 1;  // element type of mean and inv_std_dev: f32 or bf16
};

struct RMSNormalization {
  int64_t axis = -1;
  float epsilon = 1e-5f;
  int64_t stash_type = 1;  // accepted; the mean is always computed wider than x
};

}  // namespace ferry
