// SPDX-License-Identifier: Apache-2.0
// y = x with elements replaced by, or reduced with, those of `updates`.
// ScatterElements: y[i... with i[axis] replaced by indices[i...]] takes updates[i...].
//   x: any   indices: i32 or i64, rank of x   updates: shape of indices, type of x
// ScatterND: y[indices[i..., :], k...] takes updates[i..., k...].
//   x: any   indices: i64[i..., m]   updates: [i..., dims of x from m on]
// ONNX ScatterElements-18, ScatterND-18.
#pragma once

#include <cstdint>
#include <string>

namespace ferry {

struct ScatterElements {
  int64_t axis = 0;                // in [-rank, rank)
  std::string reduction = "none";  // none, add, mul, max, min
};

struct ScatterND {
  std::string reduction = "none";
};

}  // namespace ferry
