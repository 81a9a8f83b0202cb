// SPDX-License-Identifier: Apache-2.0
// y = the different elements of x, or the different slices along `axis`, in ascending order or that
// of their first occurrence; with the first position of each, the place in y of each of x, and how
// often each occurs. NaN equals NaN and comes last.
//   x: any   y: [n] or x with axis of size n   indices, counts: i64[n]   inverse_indices: i64
// ONNX Unique-28.
#pragma once

#include <cstdint>
#include <optional>

namespace ferry {

struct Unique {
  std::optional<int64_t> axis;  // in [-rank, rank)
  bool sorted = true;
};

}  // namespace ferry
