// SPDX-License-Identifier: Apache-2.0
// y = a * sigmoid(alpha * a) * b.
//   a, b: one shape  f16 bf16 f32 f64      y: shape and type of a
// ONNX SwiGLU-28.
#pragma once

namespace ferry {

struct SwiGLU {
  float alpha = 1;
};

}  // namespace ferry
