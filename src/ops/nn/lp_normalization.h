// SPDX-License-Identifier: Apache-2.0
// y = x / norm along `axis`, where norm is sum |x| (p = 1) or sqrt(sum x^2) (p = 2); 0 where the
// norm is 0.
//   x: any shape  f16 bf16 f32 f64      y: shape and type of x
// ONNX LpNormalization-22.
#pragma once

#include <cstdint>

namespace ferry {

struct LpNormalization {
  int64_t axis = -1;
  int64_t p = 2;  // 1 or 2
};

}  // namespace ferry
