// SPDX-License-Identifier: Apache-2.0
// y = ones on diagonal k, zeros elsewhere, in the shape of x.
//   x: [n, m]   y: type `dtype`, or that of x
// ONNX EyeLike-22.
#pragma once

#include <cstdint>
#include <optional>

#include "ferry/types.h"

namespace ferry {

struct EyeLike {
  std::optional<DType> dtype;
  int64_t k = 0;  // y[i, i + k] = 1
};

}  // namespace ferry
