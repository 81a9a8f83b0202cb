// SPDX-License-Identifier: Apache-2.0
// Loops that do nothing but what limits a kernel: multiply-adds in registers, reading and copying
// memory. Their rates are the roof that kernels are held against.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

struct RoofKernels {
  int64_t flops_per_step;  // a multiplication and its addition count as two
  void (*multiply_add)(int64_t steps) noexcept;
  // Floats; n is a multiple of kRoofUnit. The sum is returned so that nothing is left out.
  float (*read)(const float* x, int64_t n) noexcept;
  void (*copy)(const float* x, float* y, int64_t n) noexcept;
};
FERRY_DECLARE_ISA_TABLE(RoofKernels, kRoof)

inline constexpr int64_t kRoofUnit = 128;

const RoofKernels& roof_kernels(Isa isa);

}  // namespace ferry
