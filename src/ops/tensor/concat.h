// SPDX-License-Identifier: Apache-2.0
// y = the inputs one after the other along `axis`; their other dims are equal.
//   x0, x1, ...: one type, any   y: type of x0
// ONNX Concat-13.
#pragma once

#include <cstdint>

namespace ferry {

struct Concat {
  int64_t axis = 0;  // in [-rank, rank)
};

}  // namespace ferry
