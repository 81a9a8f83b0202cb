// SPDX-License-Identifier: Apache-2.0
// One step of an optimizer for any number of tensors.
//   rate: f32 or f64, step: i64, one element each; then all tensors x, all gradients g, all states
//   (Momentum: v; Adagrad: h; Adam: all v, then all h), f32 or f64
//   outputs: all new x, then the new states
// Adagrad: g += norm x; h += g g; x -= rate / (1 + step decay) g / (sqrt(h) + epsilon)
// Adam:    g += norm x; v = alpha v + (1 - alpha) g; h = beta h + (1 - beta) g g;
//          x = (1 - norm_post) (x - rate' v / (sqrt(h) + epsilon))
// Momentum: g += norm x; v = alpha v + (step > 0 ? beta : 1) g; x -= rate v, or, with Nesterov's,
//          rate (g + alpha v)
// ai.onnx.preview.training versions 1.
#pragma once

#include <string>

namespace ferry {

struct Adagrad {
  float decay_factor = 0;
  float epsilon = 1e-6f;
  float norm_coefficient = 0;
};

struct Adam {
  float alpha = 0.9f;
  float beta = 0.999f;
  float epsilon = 1e-6f;
  float norm_coefficient = 0;
  float norm_coefficient_post = 0;
};

struct Momentum {
  float alpha = 0;
  float beta = 0;
  float norm_coefficient = 0;
  std::string mode;  // standard or nesterov
};

}  // namespace ferry
