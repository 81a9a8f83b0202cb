// SPDX-License-Identifier: Apache-2.0
// y[b..., i..., k...] = x[b..., indices[b..., i..., :], k...]: the last axis of `indices` names
// positions along the axes of x that follow the `batch_dims` common ones.
//   x: any   indices: i64[b..., i..., m]
// ONNX GatherND-13.
#pragma once

#include <cstdint>

namespace ferry {

struct GatherND {
  int64_t batch_dims = 0;
};

}  // namespace ferry
