// SPDX-License-Identifier: Apache-2.0
// Shape: y = the dims of x from `start` to `end` (negative ones count from the back; clamped).
//   x: any   y: i64[n]
// Size: y = the number of elements of x, an i64 scalar.
// ONNX Shape-25, Size-25.
#pragma once

#include <cstdint>
#include <optional>

namespace ferry {

struct ShapeOf {
  int64_t start = 0;
  std::optional<int64_t> end;
};

struct SizeOf {};

}  // namespace ferry
