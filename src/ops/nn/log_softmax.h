// SPDX-License-Identifier: Apache-2.0
// LogSoftmax: y = x - max - log(sum(exp(x - max))) along `axis`.
//   x: any shape  f16 bf16 f32 f64      y: shape and type of x
// ONNX LogSoftmax-13; versions 1 and 11 flatten first, see onnx/upgrade/.
#pragma once

#include <cstdint>

namespace ferry {

struct LogSoftmax {
  int64_t axis = -1;  // in [-rank, rank)
};

}  // namespace ferry
