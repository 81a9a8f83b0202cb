// SPDX-License-Identifier: Apache-2.0
// y[i..., j..., k...] = x[i..., indices[j...], k...] where i are the axes of x before `axis`.
//   x: any   indices: i32 or i64, each in [-n, n) for n = the size of `axis`
// ONNX Gather-13.
#pragma once

#include <cstdint>

namespace ferry {

struct Gather {
  int64_t axis = 0;  // in [-rank, rank)
};

}  // namespace ferry
