// SPDX-License-Identifier: Apache-2.0
// Rows of float16 and bfloat16 for the typed kernels' `_isa.cc` file: computed in f32, rounded
// once.
#pragma once

#include "kernels/typed/typed.h"

namespace ferry::FERRY_ISA {

// kAdd, kSub, kMul and kDiv; null for others.
TypedBinaryRow half_binary(TypedOp op, DType type) noexcept;
// kAbs, kNeg and kRelu; null for others.
TypedUnaryRow half_unary(TypedUnary op, DType type) noexcept;

}  // namespace ferry::FERRY_ISA
