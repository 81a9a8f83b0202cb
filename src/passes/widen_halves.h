// SPDX-License-Identifier: Apache-2.0
// op(f16 or bf16) ⇒ Cast(op(Cast)): the operator computes in f32, where the fast kernels are, and
// its results are rounded as before.
//
// Constants become f32. Operators that move elements or look at nothing but integers stay, as do
// those of one value each that have kernels for 16 bits (ops/math/half_cpu.cc), and those whose
// reference kernel does more with 16-bit values than to compute in f32.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass widen_halves();

}  // namespace ferry
