// SPDX-License-Identifier: Apache-2.0
// Transposes sink towards the outputs until they meet and cancel.
//   Transpose(Transpose(x))      ⇒ Transpose(x) or x
//   f(Transpose(x), ...)         ⇒ Transpose(f'(x, ...)), f' on the axes of x
// for elementwise f with operands that are such transposes too, constants, or of one element or one
// axis; Concat, Split, Slice, Pad, reductions, Softmax, Squeeze, Unsqueeze, LayerNormalization over
// axes that stay last; and, from channels-last to planar only, poolings.
// Refuses when another operand would have to be transposed, or when other users keep the
// transpose alive and the new one would not cancel.
#pragma once

#include <vector>

#include "passes/pass.h"

namespace ferry {

// Transpose that moves only axes of size 1 ⇒ Reshape. Runs after the rules above: they look for
// transposes.
std::vector<NamedRule> transpose_to_reshape_rules();

// True for operators through which a transpose can sink, for some operands and permutation.
bool sinks_transposes(const Node& node);

Pass cancel_transposes();
// The same without what a file cannot say: poolings, Resize and GroupNormalization stay planar.
Pass cancel_written_transposes();
Pass lower_transposes();

}  // namespace ferry
