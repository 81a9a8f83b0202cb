// SPDX-License-Identifier: Apache-2.0
// Rows of any element type: arithmetic, comparisons, choices, conversions. Where nothing is to be
// gained but the width of memory, the loops are plain and the compiler vectorises them once per
// instruction set; fp32 arithmetic proper is the tile VM's (kernels/eltwise).
//
// A kernel that does not exist for a type is null.
#pragma once

#include <cstdint>

#include "ferry/types.h"
#include "kernels/isa.h"

namespace ferry {

enum class TypedOp : uint8_t {
  // same type
  kAdd,
  kSub,
  kMul,
  kDiv,  // integers: towards zero, wrapping; no divisor is 0
  kMin,  // NaN wins over numbers
  kMax,
  kAnd,  // bool
  kOr,
  kXor,
  kMod,    // the sign of the divisor; no integer divisor is 0
  kFmod,   // the sign of the dividend
  kPRelu,  // f64: a, or a b below 0
  kPow,    // integers, wrapping; no exponent is negative
  kBitAnd,
  kBitOr,
  kBitXor,
  kShiftLeft,  // by any number of bits
  kShiftRight,
  // to bool
  kEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
};

enum class TypedUnary : uint8_t { kAbs, kNeg, kSign, kRelu, kNot, kBitNot, kIsNaN, kIsInf };

// Steps are 1 along a dense row and 0 along a repeated element.
using TypedBinaryRow = void (*)(const void* a, int64_t a_step, const void* b, int64_t b_step,
                                void* y, int64_t n) noexcept;
using TypedUnaryRow = void (*)(const void* x, void* y, int64_t n) noexcept;
// y[i] = condition[i] ? a[i] : b[i].
using SelectRow = void (*)(const void* condition, int64_t condition_step, const void* a,
                           int64_t a_step, const void* b, int64_t b_step, void* y,
                           int64_t n) noexcept;

// y = round(x / scale) + zero, clamped to the type, NaN to its lowest; and x = (y - zero) * scale.
// Scales and zero points are arrays where their step is 1, single values where it is 0.
using QuantizeRow = void (*)(const float* x, void* y, int64_t n, const float* scale,
                             const int32_t* zero, int64_t step) noexcept;
using DequantizeRow = void (*)(const void* x, float* y, int64_t n, const float* scale,
                               const int32_t* zero, int64_t step) noexcept;

struct TypedKernels {
  TypedBinaryRow (*binary)(TypedOp op, DType type) noexcept;
  TypedUnaryRow (*unary)(TypedUnary op, DType type) noexcept;
  TypedUnaryRow (*cast)(DType from, DType to) noexcept;
  SelectRow (*select)(int element_bytes) noexcept;
  QuantizeRow (*quantize)(DType to) noexcept;        // u8, i8, u16, i16
  DequantizeRow (*dequantize)(DType from) noexcept;  // u8, i8, u16, i16, i32
  // Whether one of n integers is 0.
  bool (*has_zero)(DType type, const void* x, int64_t n) noexcept;
};
FERRY_DECLARE_ISA_TABLE(TypedKernels, kTypedKernels)

const TypedKernels& typed_kernels(Isa isa) noexcept;

}  // namespace ferry
