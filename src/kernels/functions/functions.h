// SPDX-License-Identifier: Apache-2.0
// Elementary functions that are computed in double: those of doubles within 2 units in the last
// place. y may be x.
#pragma once

#include <cstdint>

#include "kernels/eltwise/eltwise.h"
#include "kernels/isa.h"

namespace ferry {

using DoubleRow = void (*)(const void* x, void* y, int64_t n, double p, double q) noexcept;

struct FunctionKernels {
  // Of doubles, with the operation's p and q; null for operations that are none here.
  DoubleRow (*doubles)(EltOp op) noexcept;
  // Floats: y[i] = a[i * a_step]^b[i * b_step] as C's pow; steps are 0 or 1.
  void (*power)(const void* a, int64_t a_step, const void* b, int64_t b_step, void* y,
                int64_t n) noexcept;
  // y[i] = x[i] / (bias + factor s)^beta, where s is the sum of x[i + k stride]^2 for k in
  // [first, last]. The sums are not negative, and beta is not 0.
  void (*divide_by_power_of_squares)(const float* x, float* y, int64_t n, int64_t stride,
                                     int64_t first, int64_t last, double bias, double factor,
                                     double beta) noexcept;
};
FERRY_DECLARE_ISA_TABLE(FunctionKernels, kFunctionKernels)

const FunctionKernels& function_kernels(Isa isa) noexcept;

}  // namespace ferry
