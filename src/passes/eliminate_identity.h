// SPDX-License-Identifier: Apache-2.0
// A node that computes its input ⇒ the input: Identity, Dropout of inference, Cast to the same
// type, Reshape, Flatten, Expand and Tile to the same shape, Slice of everything, Pad by nothing,
// Concat, Split, Sum, Max, Min and Mean of one, x + 0, x - 0, x * 1, x / 1, x ^ 1, Clip without
// bounds, Where of a constant condition.
// Refuses where broadcasting or the type rule would change shape or element type, and x + 0 of
// floats under `exact` (it turns -0 into 0).
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass eliminate_identity();

}  // namespace ferry
