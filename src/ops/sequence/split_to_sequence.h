// SPDX-License-Identifier: Apache-2.0
// SplitToSequence: parts of x along `axis`: of size `split` (the last may be smaller), of the sizes
// in `split`, or single slices (which lose the axis unless keepdims).
// ConcatFromSequence: the elements joined along `axis`, or stacked along a new one.
// ONNX SplitToSequence-24, ConcatFromSequence-11.
#pragma once

#include <cstdint>

namespace ferry {

struct SplitToSequence {
  int64_t axis = 0;  // in [-rank, rank)
  bool keepdims = true;
};

struct ConcatFromSequence {
  int64_t axis = 0;  // in [-rank, rank), or [-rank - 1, rank] for a new axis
  bool new_axis = false;
};

}  // namespace ferry
