// SPDX-License-Identifier: Apache-2.0
// Floating-point types of 8 and 4 bits as ONNX defines them (the tables of its Cast operator):
// conversions by element type, and typed wrappers for generic code.
//
//   type          exponent, mantissa bits   largest   has
//   f8e4m3fn      4, 3                          448   NaN (S.1111.111), no infinity
//   f8e4m3fnuz    4, 3, bias 8                  240   NaN (0x80), no infinity, no -0
//   f8e5m2        5, 2                        57344   infinities, NaN
//   f8e5m2fnuz    5, 2, bias 16               57344   NaN (0x80), no infinity, no -0
//   f4e2m1        2, 1                            6   neither
//   f8e8m0        8, 0, no sign               2^127   NaN (0xff), no zero: powers of two from
//   2^-127
//
// Rounding is to nearest even. Beyond the largest value (after rounding): saturate gives the
// largest, infinities included; otherwise infinity where the type has it, else NaN.
#pragma once

#include <cstdint>

#include "ferry/types.h"

namespace ferry {

// To and from the four float8 types named first above. Requires one of them.
uint8_t float8_from_float(DType type, float f, bool saturate = true);
float float8_to_float(DType type, uint8_t bits);

// f4e2m1 in the low four bits; always saturates; NaN, which it lacks, becomes a zero.
uint8_t float4_from_float(float f);
float float4_to_float(uint8_t bits);

enum class E8M0Round : uint8_t { kUp, kDown, kNearest };  // nearest: ties go up
// The sign of `f` is ignored. Out of range, saturate gives the nearest end, otherwise NaN.
uint8_t e8m0_from_float(float f, bool saturate = true, E8M0Round round = E8M0Round::kUp);
float e8m0_to_float(uint8_t bits);

// A float8 element as a C++ type: converts to float, and back with saturation.
template <DType kType>
struct Float8 {
  uint8_t bits = 0;

  Float8() = default;
  Float8(float f) : bits(float8_from_float(kType, f)) {}           // NOLINT: implicit by design
  operator float() const { return float8_to_float(kType, bits); }  // NOLINT: implicit by design
};
using float8e4m3fn = Float8<DType::kFloat8E4M3FN>;
using float8e4m3fnuz = Float8<DType::kFloat8E4M3FNUZ>;
using float8e5m2 = Float8<DType::kFloat8E5M2>;
using float8e5m2fnuz = Float8<DType::kFloat8E5M2FNUZ>;

}  // namespace ferry
