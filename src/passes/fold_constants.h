// SPDX-License-Identifier: Apache-2.0
// A node whose inputs are all constants ⇒ its outputs as constants, computed by the reference
// kernels or as PassOptions.evaluate does. An integer output whose contents the shape rules know as
// numbers ⇒ a constant. Refuses nodes with bodies, random operators, initializers that callers may
// replace, DequantizeLinear (the quantised form is the useful one), transposes of large weights
// that others use too, and outputs over the limits of PassOptions.
#pragma once

#include "passes/pass.h"

namespace ferry {

// The copies of one Pass share what may be spent (PassOptions.max_fold_bytes, time): a pipeline
// that folds at several places holds one for all of them, and a new one for each graph.
Pass fold_constants();

}  // namespace ferry
