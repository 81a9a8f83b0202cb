// SPDX-License-Identifier: Apache-2.0
// Elementary functions of doubles, within 2 units in the last place; y may be x.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

struct FunctionKernels {
  void (*exp)(const void* x, void* y, int64_t n) noexcept;
  void (*log)(const void* x, void* y, int64_t n) noexcept;
  void (*sqrt)(const void* x, void* y, int64_t n) noexcept;
};
FERRY_DECLARE_ISA_TABLE(FunctionKernels, kFunctionKernels)

const FunctionKernels& function_kernels(Isa isa) noexcept;

}  // namespace ferry
