// SPDX-License-Identifier: Apache-2.0
// Einsum(a), Einsum(a, b) ⇒ ReduceSum, Transpose, Reshape, MatMul or Mul: what kernels are fast at.
// Axes that may broadcast, as sizes of two names do, are leading ones of MatMul.
// Einsum(a, b, c, ...) ⇒ Einsum(Einsum(a, b), c, ...), with the pair whose product is smallest and
// has no more axes than any operand or the result
// Refuses an ellipsis with more than two operands, types other than f32 and f64, a label twice in
// one term, summed axes that may broadcast, and operands of which more than one size would have to
// be computed.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass lower_einsum();

}  // namespace ferry
