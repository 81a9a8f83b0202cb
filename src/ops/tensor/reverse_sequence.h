// SPDX-License-Identifier: Apache-2.0
// y = x with the first lengths[b] elements along `time_axis` reversed, for each b of `batch_axis`.
//   x: [d0, d1, ...] any   lengths: i64[batch]   y: as x
// ONNX ReverseSequence-28.
#pragma once

#include <cstdint>

namespace ferry {

struct ReverseSequence {
  int64_t batch_axis = 1;  // 0 or 1
  int64_t time_axis = 0;   // the other one
};

}  // namespace ferry
