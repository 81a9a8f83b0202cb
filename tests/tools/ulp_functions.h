// SPDX-License-Identifier: Apache-2.0
// The operators of one float that ulp_sweep measures, and their values in double precision.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

namespace ferry {

struct Function;
// y[i] = f(x[i])
using Reference = void (*)(const Function& f, const float* x, double* y, int64_t n);

inline constexpr float kDefault = std::numeric_limits<float>::quiet_NaN();

struct Function {
  const char* name;
  const char* op;
  Reference reference;
  float alpha = kDefault, beta = kDefault;  // the operator's two attributes, in the order of Unary
  bool infinite = true;  // false: at the infinities the formula is infinity times zero
  const char* approximate = nullptr;
};

std::span<const Function> functions();

}  // namespace ferry
