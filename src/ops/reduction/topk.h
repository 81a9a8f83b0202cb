// SPDX-License-Identifier: Apache-2.0
// The k largest (smallest) elements of x along `axis`, in order, and their positions. Of equal
// ones the first comes first; NaN counts as larger than any number.
//   x: numbers   k: i64[1]   values: type of x   indices: i64
// ONNX TopK-24.
#pragma once

#include <cstdint>

namespace ferry {

struct TopK {
  int64_t axis = -1;  // in [-rank, rank)
  bool largest = true;
  bool sorted = true;  // the order is the sorted one either way
};

}  // namespace ferry
