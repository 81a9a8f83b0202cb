// SPDX-License-Identifier: Apache-2.0
// Of two dimensions that are equal whenever the model runs, the one that says more.
#pragma once

#include "tensor/type.h"

namespace ferry {

// A constant before a symbol, one of the inputs before one that depends on data.
Dim better_known(const Dim& a, const Dim& b);
// The same for each dimension of two shapes of one rank.
Shape better_known(Shape a, const Shape& b);

}  // namespace ferry
