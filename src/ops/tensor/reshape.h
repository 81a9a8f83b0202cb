// SPDX-License-Identifier: Apache-2.0
// y = the elements of x under other dims.
//   x: any   shape: i64[n]; 0 copies the dim of x (unless allowzero), one -1 is what remains
// ONNX Reshape-25. Flatten-25: y = x as a matrix [dims before axis, dims from axis on].
#pragma once

#include <cstdint>

#include "base/status.h"
#include "tensor/type.h"

namespace ferry {

struct Reshape {
  bool allowzero = false;
};

struct Flatten {
  int64_t axis = 1;  // in [-rank, rank]
};

// What -1 in a target shape stands for: the dims of x over the other dims of the target, where
// equal ones cancel, so that sizes of zero leave an answer.
Result<Dim> remaining_dim(Shape x, const Shape& others);

}  // namespace ferry
