// SPDX-License-Identifier: Apache-2.0
// A Gemm of f32 that is no layer, which has constant weights and a constant row as bias:
//   Gemm(a, b, c) with transA            ⇒ Gemm(Transpose(a), b, c)
//   Gemm(a, b, c) of computed b or c     ⇒ Add(Mul(MatMul(a, b), alpha), Mul(c, beta))
// Refuses other element types.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass lower_gemm();

}  // namespace ferry
