// SPDX-License-Identifier: Apache-2.0
// y[i] = start + i delta, for as long as that lies before `limit`.
//   start, limit, delta: one element of one type   y: [max(ceil((limit - start) / delta), 0)]
// 16-bit floats are computed in float and rounded once.
// ONNX Range-27.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "ferry/tensor.h"

namespace ferry {

struct Range {
  int64_t stash_type = 1;  // 16-bit floats are always computed in float
};

// How many elements there are. Errors: kInvalidArgument, kLimitExceeded.
Result<int64_t> range_count(const Tensor& start, const Tensor& limit, const Tensor& delta);

}  // namespace ferry
