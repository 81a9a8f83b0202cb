// SPDX-License-Identifier: Apache-2.0
// y = cache with `update` written along `axis` from position start[b] on, for each batch b.
//   cache: [batch, ..., length at axis, ...] any   update: as cache, at most that long at axis
//   start: i64[batch], optional (0)   y: as cache
// ONNX TensorScatter-24.
#pragma once

#include <cstdint>
#include <string>

namespace ferry {

struct TensorScatter {
  int64_t axis = -2;            // not 0
  std::string mode = "linear";  // or circular: positions wrap around
};

}  // namespace ferry
