// SPDX-License-Identifier: Apache-2.0
// A node whose inputs are all constants ⇒ its outputs as constants, computed by the reference
// kernels. An integer output whose contents the shape rules know as numbers ⇒ a constant.
// Refuses nodes with bodies, random operators, initializers that callers may replace,
// DequantizeLinear (the quantised form is the useful one) and outputs over the limits of
// PassOptions.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass fold_constants();

}  // namespace ferry
