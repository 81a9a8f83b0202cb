// SPDX-License-Identifier: Apache-2.0
// Cast: y = x as element type `to`. CastLike: as the element type of its second input.
//   x: any but complex   y: shape of x
// Floating to integer: truncated and clamped, NaN is 0; 2- and 4-bit integers wrap. Integer to
// integer wraps. Strings read and write plain or scientific decimals, INF, -INF and NaN.
// ONNX Cast-28, CastLike-25.
#pragma once

#include <cstdint>
#include <string>

#include "ferry/types.h"

namespace ferry {

struct Cast {
  DType to = DType::kUndefined;
  bool saturate = true;  // 8-bit floats: out of range is the largest value, else NaN or inf
  std::string round_mode = "up";  // f8e8m0: up, down or nearest
};

struct CastLike {
  bool saturate = true;
  std::string round_mode = "up";
};

}  // namespace ferry
