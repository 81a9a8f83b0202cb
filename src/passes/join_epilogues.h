// SPDX-License-Identifier: Apache-2.0
// Elementwise operators reach the product whose epilogue they can be, past the data movement
// between:
//   f(move(x), a...)   ⇒ move(f(x, a'...))   x: the result of MatMul, Gemm or Conv, or of an
//   epilogue
// for a move of Reshape, Flatten, Squeeze, Unsqueeze and, when f has one operand, Transpose.
// Other operands have one element, or one per column where the last axis stays, or the shape of the
// result where nothing is transposed: a' is then a under the dims of x.
// Refuses when others use a value between, or when another operand ends an epilogue already.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass join_epilogues();

}  // namespace ferry
