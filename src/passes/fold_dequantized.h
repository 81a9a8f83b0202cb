// SPDX-License-Identifier: Apache-2.0
// DequantizeLinear(constant) ⇒ a constant of floats: weights that are stored quantized are
// multiplied as floats, and kernels see that they are part of the model.
//
// Refuses when the constants of all that it met are larger than PassOptions.max_fold_bytes, one of
// them than max_fold_bytes_per_value, or the floats together than kMostDequantizedBytes: those
// weights stay small and are dequantized in every run.
#pragma once

#include "passes/pass.h"

namespace ferry {

// Four bytes for each of a thousand million weights.
inline constexpr uint64_t kMostDequantizedBytes = uint64_t{4} << 30;

Pass fold_dequantized();

}  // namespace ferry
