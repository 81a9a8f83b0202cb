// SPDX-License-Identifier: Apache-2.0
// Elementwise operators of one input: y[i] = f(x[i]). One row of a table each (unary.cc).
//   x: [...]   y: shape and type of x
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "ferry/tensor.h"

namespace ferry {

enum class UnaryKind : uint8_t {
  // any number
  kAbs,     // |x|
  kNeg,     // -x
  kSign,    // -1, 0 or 1; NaN stays
  kRelu,    // max(x, 0)
  kShrink,  // x + beta below -alpha, x - beta above alpha, else 0
  // floating
  kExp,
  kLog,
  kSqrt,
  kReciprocal,
  kFloor,
  kCeil,
  kRound,  // halves to even
  kSin,
  kCos,
  kTan,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kTanh,
  kAsinh,
  kAcosh,
  kAtanh,
  kErf,
  kSigmoid,          // 1 / (1 + exp(-x))
  kSoftplus,         // log(1 + exp(x))
  kSoftsign,         // x / (1 + |x|)
  kHardSigmoid,      // clamp(alpha x + beta, 0, 1)
  kHardSwish,        // x clamp(x / 6 + 0.5, 0, 1)
  kElu,              // x, or alpha (exp(x) - 1) below 0
  kSelu,             // beta x, or beta alpha (exp(x) - 1) at or below 0
  kCelu,             // x, or alpha (exp(x / alpha) - 1) at or below 0
  kLeakyRelu,        // x, or alpha x below 0
  kThresholdedRelu,  // x above alpha, else 0
  kGelu,             // x / 2 (1 + erf(x / sqrt 2)), or its tanh form
  kMish,             // x tanh(softplus(x))
  kSwish,            // x sigmoid(alpha x)
  kFakeQuantize,     // alpha times round(x / alpha), clamped to [beta, beta + 255]; NaN is beta
  // integers, bool
  kBitwiseNot,
  kNot,
};

struct Unary {
  UnaryKind kind = UnaryKind::kAbs;
  float alpha = 0;                   // alpha; Shrink: lambd
  float beta = 0;                    // beta; Selu: gamma; Shrink: bias
  std::string approximate = "none";  // Gelu only: "none" or "tanh"
};

// The names of all operators of one input.
std::vector<const char*> unary_operators();
// The reference for the elements [from, to); y has x's type and dims.
Status unary_range(const Unary& op, const Tensor& x, Tensor& y, int64_t from, int64_t to);

}  // namespace ferry
