// SPDX-License-Identifier: Apache-2.0
// Maxima under windows over planes, of several types and with their positions: one tap of a whole
// row of outputs at a time.
#pragma once

#include <cstdint>

#include "ferry/types.h"
#include "kernels/isa.h"

namespace ferry {

// For i in [0, n): x[i * step], which lies at position + i * position_step, against best[i], which
// lies at at[i], or is nothing yet where that is -1. The first of equals stays; NaN wins over
// numbers. Without `at` only the values count.
using MaxTap = void (*)(const void* x, int64_t step, int32_t position, int32_t position_step,
                        void* best, int32_t* at, int64_t n) noexcept;

struct TypedPoolKernels {
  MaxTap (*maximum)(DType type) noexcept;  // f32, f64, i8, u8; else null
};
FERRY_DECLARE_ISA_TABLE(TypedPoolKernels, kTypedPoolKernels)

const TypedPoolKernels& typed_pool_kernels(Isa isa) noexcept;

}  // namespace ferry
