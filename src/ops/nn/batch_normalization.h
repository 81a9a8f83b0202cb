// SPDX-License-Identifier: Apache-2.0
// y = (x - mean) / sqrt(var + epsilon) * scale + b per channel; in training mode with the
// statistics of x itself, which then also move the running ones.
//   x: [N, C, ...] or [N]   scale, b, mean, var: [C]   f16 bf16 f32 f64, each of its own width
//   y: type of x   running_mean, running_var (training only): [C]
// ONNX BatchNormalization-15.
#pragma once

namespace ferry {

struct BatchNormalization {
  float epsilon = 1e-5f;
  float momentum = 0.9f;  // weight of the old running statistics
  bool training_mode = false;
};

}  // namespace ferry
