// SPDX-License-Identifier: Apache-2.0
// ArgMax, ArgMin: y = the position of the largest (smallest) element of x along `axis`; of equal
// ones the first, or the last. NaN counts as the extreme.
//   x: numbers   y: i64, `axis` has size 1 or goes away
// ONNX ArgMax-13, ArgMin-13.
#pragma once

#include <cstdint>

namespace ferry {

struct ArgExtreme {
  bool max = true;
  int64_t axis = 0;  // in [-rank, rank)
  bool keepdims = true;
  bool select_last_index = false;
};

}  // namespace ferry
