// SPDX-License-Identifier: Apache-2.0
// y = the middle of x, or x in the middle of zeros, so that `axes` have the sizes `shape`. Windows
// start at floor((size - wanted) / 2), padding at floor((wanted - size) / 2).
//   x: any   shape: i32 or i64 [n]   y: type of x
// ONNX CenterCropPad-18.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace ferry {

struct CenterCropPad {
  std::optional<std::vector<int64_t>> axes;  // absent: all
};

}  // namespace ferry
