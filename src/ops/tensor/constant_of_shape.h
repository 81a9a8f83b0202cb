// SPDX-License-Identifier: Apache-2.0
// y = a tensor of dims `shape`, every element `value`.
//   shape: i64[n]   y: type of value
// ONNX ConstantOfShape-25.
#pragma once

#include "ferry/tensor.h"

namespace ferry {

struct ConstantOfShape {
  Tensor value;  // one element; undefined: f32 0
};

}  // namespace ferry
