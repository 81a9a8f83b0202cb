// SPDX-License-Identifier: Apache-2.0
// y[i...] = x[i... with i[axis] replaced by indices[i...]].
//   x: any   indices: i32 or i64, rank of x, no larger than x off `axis`   y: shape of indices
// ONNX GatherElements-13.
#pragma once

#include <cstdint>

namespace ferry {

struct GatherElements {
  int64_t axis = 0;  // in [-rank, rank)
};

}  // namespace ferry
