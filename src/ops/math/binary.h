// SPDX-License-Identifier: Apache-2.0
// Elementwise operators of two inputs, broadcast against each other: z[i] = f(a[i], b[i]).
//   a, b: broadcast   z: the common shape; type of a, or bool for comparisons
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "ferry/tensor.h"

namespace ferry {

enum class BinaryKind : uint8_t {
  // numbers -> same type; integers wrap, division by zero of integers is an error
  kAdd,
  kSub,
  kMul,
  kDiv,    // integers: towards zero
  kMod,    // sign of the divisor, or of the dividend with `fmod`
  kPow,    // b may have another type than a
  kPRelu,  // a, or a b below 0; b broadcasts to a
  // integers
  kBitShift,
  kBitwiseAnd,
  kBitwiseOr,
  kBitwiseXor,
  // bool
  kAnd,
  kOr,
  kXor,
  // comparisons -> bool
  kEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
};

constexpr bool is_comparison(BinaryKind k) { return k >= BinaryKind::kEqual; }

struct Binary {
  BinaryKind kind = BinaryKind::kAdd;
  bool fmod = false;      // Mod only
  std::string direction;  // BitShift only: "LEFT" or "RIGHT"
};

// The dims of the result; an error where a and b do not broadcast.
Result<Dims> binary_dims(const Binary& op, const Dims& a, const Dims& b);

}  // namespace ferry
