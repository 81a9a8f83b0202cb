// SPDX-License-Identifier: Apache-2.0
// y = exp(x - max) / sum(exp(x - max)) along `axis`.
//   x: [d0, ..., dn]  f16 bf16 f32 f64      y: shape and type of x
// ONNX Softmax-13; versions 1 and 11 flatten first, see onnx/upgrade/.
#pragma once

#include <cstdint>

namespace ferry {

struct Softmax {
  int64_t axis = -1;  // in [-rank, rank)
};

}  // namespace ferry
