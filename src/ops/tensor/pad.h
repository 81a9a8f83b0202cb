// SPDX-License-Identifier: Apache-2.0
// y = x with elements added before and after each axis, or removed where a pad is negative.
//   x: any   pads: i64[2 n], all begins then all ends   value: one element, optional (0)
//   axes: i32 or i64 [n], optional (all)
// Elements are removed first; what the other modes repeat is what then remains.
// ONNX Pad-25.
#pragma once

#include <string>

namespace ferry {

struct Pad {
  std::string mode = "constant";  // constant, reflect, edge, wrap
};

}  // namespace ferry
