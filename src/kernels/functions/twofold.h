// SPDX-License-Identifier: Apache-2.0
// Numbers of two doubles: functions of several steps keep here what a step rounds away.
#pragma once

#include "kernels/functions/double_math.h"

namespace ferry::FERRY_ISA {

struct Twofold {
  double high, low;
};

FERRY_INLINE Twofold exact_product(double a, double b) {
  const double high = a * b;
#if defined(__FP_FAST_FMA)
  return {high, __builtin_fma(a, b, -high)};
#else
  // Halves of 26 bits, whose products are exact.
  constexpr double kSplit = 0x1p27 + 1;
  const double s = kSplit * a, t = kSplit * b;
  const double a1 = s - (s - a), a2 = a - a1, b1 = t - (t - b), b2 = b - b1;
  return {high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2};
#endif
}

// a + b where |a| >= |b|, or what a lacks of b's last bits does not count.
FERRY_INLINE Twofold ordered_sum(double a, double b) {
  const double high = a + b;
  return {high, b - (high - a)};
}

FERRY_INLINE Twofold exact_sum(double a, double b) {
  const double high = a + b, from_b = high - a;
  return {high, (a - (high - from_b)) + (b - from_b)};
}

// c - a b, where a b is near c.
FERRY_INLINE double remainder(double c, double a, double b) {
#if defined(__FP_FAST_FMA)
  return __builtin_fma(-a, b, c);
#else
  // Halves of numbers above 2^996 are infinite.
  const Twofold product = exact_product(a, b);
  const double rest = (c - product.high) - product.low;
  return rest == rest ? rest : 0.0;
#endif
}

// a b + c; of an infinite one the sign.
FERRY_INLINE double rounded_once(double a, double b, double c) {
#if defined(__FP_FAST_FMA)
  return __builtin_fma(a, b, c);
#else
  const Twofold product = exact_product(a, b), sum = exact_sum(product.high, c);
  const double low = sum.low + product.low;
  return low == low ? sum.high + low : sum.high;
#endif
}

// As polynomial(), with what its last step rounds away.
template <int N>
FERRY_INLINE Twofold twofold_polynomial(const double (&c)[N], double x) {
  double p = c[N - 1];
  FERRY_UNROLL
  for (int i = N - 2; i > 0; --i) p = fma_double(p, x, c[i]);
  const double high = fma_double(p, x, c[0]);
  return {high, rounded_once(p, x, c[0] - high)};
}

// n / d, rounded little more than once. 1 / d is neither 0 nor infinite.
FERRY_INLINE double quotient(Twofold n, Twofold d) {
  const double inverse = 1 / d.high, y = n.high * inverse;
  return fma_double(remainder(n.high, y, d.high) + fma_double(-y, d.low, n.low), inverse, y);
}

}  // namespace ferry::FERRY_ISA
