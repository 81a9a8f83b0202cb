// SPDX-License-Identifier: Apache-2.0
// Rows between floats and integers for the typed kernels' `_isa.cc` file: quantization and the
// casts that need more than the compiler's vectoriser.
#pragma once

#include "kernels/typed/typed.h"

namespace ferry::FERRY_ISA {

QuantizeRow quantize_row(DType to) noexcept;
DequantizeRow dequantize_row(DType from) noexcept;
// f32 to u8, i8, i32 and i64, i64 to f32; null for others.
TypedUnaryRow float_cast(DType from, DType to) noexcept;

}  // namespace ferry::FERRY_ISA
