// SPDX-License-Identifier: Apache-2.0
// Shape arithmetic that the shape rules have already done is not done again:
//   Reshape(x, computed shape)      ⇒ Reshape(x, constant with 0 and -1)
//   Flatten, Squeeze, Unsqueeze after Reshape, Reshape after any of them ⇒ one Reshape
//   integers with the contents of an earlier value ⇒ that value
//   a chain ending in the dims [i, j) of an available value ⇒ Shape(start = i, end = j)
// Refuses where the contents are not known, or a Reshape has two dims that must be computed.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass fold_shape_arithmetic();
Pass merge_known_values();

}  // namespace ferry
