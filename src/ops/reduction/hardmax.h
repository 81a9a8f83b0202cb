// SPDX-License-Identifier: Apache-2.0
// y = 1 at the first largest element of x along `axis`, 0 elsewhere.
//   x: floating   y: shape and type of x
// ONNX Hardmax-13; versions 1 and 11 flatten first, see onnx/upgrade/.
#pragma once

#include <cstdint>

namespace ferry {

struct Hardmax {
  int64_t axis = -1;  // in [-rank, rank)
};

}  // namespace ferry
