// SPDX-License-Identifier: Apache-2.0
// y = x / (bias + alpha / size * s)^beta, where s is the sum of x^2 over the `size` channels
// around.
//   x: [N, C, ...]  f16 bf16 f32 f64      y: shape and type of x
// ONNX LRN-13.
#pragma once

#include <cstdint>

namespace ferry {

struct LRN {
  float alpha = 1e-4f;
  float beta = 0.75f;
  float bias = 1.0f;
  int64_t size = 1;  // channels; the window reaches further forward when even
};

}  // namespace ferry
