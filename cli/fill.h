// SPDX-License-Identifier: Apache-2.0
// Random contents for inputs that the user does not give.
#pragma once

#include <cstdint>

#include "ferry/tensor.h"

namespace ferry::cli {

// Floats in [0, 1), integers and booleans 0 or 1 (valid as token ids, masks and indices), strings
// empty. The same seed gives the same numbers everywhere. Throws Error: kUnsupportedType.
Tensor random_tensor(DType type, const Dims& dims, uint64_t seed);

}  // namespace ferry::cli
