// SPDX-License-Identifier: Apache-2.0
// Functions of floats that are computed in double, for the tile VM's `_isa.cc` file.
#pragma once

#include "kernels/eltwise/eltwise.h"

namespace ferry::FERRY_ISA {

// kTan, kAsinh, kAcosh, kAtanh and kPower. y may be a.
void apply_wide(EltOp op, const float* a, float* y, int64_t n, float p) noexcept;

}  // namespace ferry::FERRY_ISA
