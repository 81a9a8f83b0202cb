// SPDX-License-Identifier: Apache-2.0
// y = the bits of x read as element type `to`, which has as many bits.
//   x: any but strings   y: shape of x
// ONNX BitCast-26.
#pragma once

#include "ferry/types.h"

namespace ferry {

struct BitCast {
  DType to = DType::kUndefined;
};

}  // namespace ferry
