// SPDX-License-Identifier: Apache-2.0
// Rows between floats and integers for the typed kernels' `_isa.cc` file: quantization, and casts
// that need more than the compiler's vectoriser.
#pragma once

#include "kernels/typed/typed.h"

namespace ferry::FERRY_ISA {

QuantizeRow quantize_row(DType to) noexcept;
DequantizeRow dequantize_row(DType from) noexcept;
// f32 to u8, i8 and i32, i64 to f32; null for others, and where plain loops do.
TypedUnaryRow float_cast(DType from, DType to) noexcept;

}  // namespace ferry::FERRY_ISA
