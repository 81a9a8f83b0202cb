// SPDX-License-Identifier: Apache-2.0
// y = the slices of x along `axis` (without it: the elements) where `condition` holds; what lies
// beyond the condition's end is left out.
//   x: any   condition: bool[n]
// ONNX Compress-28.
#pragma once

#include <cstdint>
#include <optional>

namespace ferry {

struct Compress {
  std::optional<int64_t> axis;  // in [-rank, rank)
};

}  // namespace ferry
