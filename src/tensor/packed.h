// SPDX-License-Identifier: Apache-2.0
// Packed 2- and 4-bit elements to and from one byte each (the raw bits, zero-extended).
#pragma once

#include "ferry/tensor.h"

namespace ferry {

inline bool is_packed(DType type) { return dtype_bits(type) == 4 || dtype_bits(type) == 2; }

// A u8 tensor with the raw bits of each element in the low bits of a byte.
Result<Tensor> unpack_bits(const Tensor& packed, MemoryBudget* budget = nullptr);
// The same into `bytes` (u8, same count).
void unpack_bits(const Tensor& packed, Tensor& bytes);
// The reverse: writes `bytes` (u8, same count) into `packed`.
void pack_bits(const Tensor& bytes, Tensor& packed);
// The value of raw bits of u4/i4/u2/i2 as an integer.
int packed_int(DType type, uint8_t bits);

}  // namespace ferry
