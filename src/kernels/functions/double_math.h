// SPDX-License-Identifier: Apache-2.0
// Elementary functions of one double, without branches, for loops that the compiler vectorises in
// `_isa.cc` files. NaN stays NaN.
#pragma once

#include <cstdint>

#include "kernels/vec.h"

namespace ferry::FERRY_ISA {

FERRY_INLINE double fma_double(double a, double b, double c) {
#if defined(__FP_FAST_FMA)
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

FERRY_INLINE uint64_t bits_of(double x) {
  uint64_t b;
  __builtin_memcpy(&b, &x, sizeof b);
  return b;
}
FERRY_INLINE double double_of(uint64_t b) {
  double x;
  __builtin_memcpy(&x, &b, sizeof x);
  return x;
}

// c[0] + c[1] x + ... + c[N - 1] x^(N - 1).
template <int N>
FERRY_INLINE double polynomial(const double (&c)[N], double x) {
  double p = c[N - 1];
  FERRY_UNROLL
  for (int i = N - 2; i >= 0; --i) p = fma_double(p, x, c[i]);
  return p;
}

// The same in two chains of half the length; square is x^2.
template <int N>
FERRY_INLINE double polynomial(const double (&c)[N], double x, double square) {
  double even = c[(N - 1) / 2 * 2], odd = c[N / 2 * 2 - 1];
  FERRY_UNROLL
  for (int i = (N - 1) / 2 * 2 - 2; i >= 0; i -= 2) even = fma_double(even, square, c[i]);
  FERRY_UNROLL
  for (int i = N / 2 * 2 - 3; i >= 1; i -= 2) odd = fma_double(odd, square, c[i]);
  return fma_double(odd, x, even);
}

// Adding it rounds to a whole number, which then stands in the lowest bits.
inline constexpr double kRounder = 0x1.8p52;
// ln 2 in two parts; whole numbers below 2^20 times the first are exact.
inline constexpr double kLn2 = 0x1.62e42fefp-1, kLn2Rest = 0x1.473de6af278edp-34;

// 2^n for whole n in [-1022, 1023].
FERRY_INLINE double power_of_two(double n) {
  return double_of((bits_of(n + kRounder) + 1023) << 52);
}

// 2^n in two factors, for whole n in [-2046, 2000]: m 2^n is rounded once where |m| is in
// [2^-500, 2^500]. For n = -2046 they are 0.
struct PowerOfTwo {
  double half, rest;
};
FERRY_INLINE double scaled(double m, PowerOfTwo p) { return m * p.half * p.rest; }

// e^x = (1 + rest + low) 2^n, with |rest| < 0.42.
struct Exponential {
  double rest, low, n;
  FERRY_INLINE PowerOfTwo power() const {
    const uint64_t both = bits_of(n + (kRounder + 2046)), first = both >> 1;
    return {double_of(first << 52), double_of((both - first) << 52)};
  }
  FERRY_INLINE double value() const { return scaled(1 + rest, power()); }
};
// What adds nothing.
inline constexpr double kNothing = -0.0;
// For |x| < 2^19 near n ln 2; c is that of (e^r - 1 - r) / r^2.
template <int N>
FERRY_INLINE Exponential exponential_of(const double (&c)[N], double n, double x, double x_low) {
  const double near = fma_double(-n, kLn2, x), r = fma_double(-n, kLn2Rest, near) + x_low;
  const double r_low = fma_double(-n, kLn2Rest, near - r) + x_low;
  const double square = r * r, p = polynomial(c, r, square), rest = fma_double(square, p, r);
  return {rest, fma_double(square, p, r - rest) + r_low, n};
}
FERRY_INLINE double whole_powers_of_two(double x) {
  return fma_double(x, 0x1.71547652b82fep+0, kRounder) - kRounder;
}
FERRY_INLINE Exponential exponential(double x, double x_low = kNothing) {
  // Within 2^-55 of e^r, for |r| <= ln(2) / 2.
  constexpr double c[] = {0.5,
                          0x1.5555555555556p-3,
                          0x1.5555555553d37p-5,
                          0x1.11111111109a6p-7,
                          0x1.6c16c1789d1d7p-10,
                          0x1.a01a01a7cebcdp-13,
                          0x1.a019b8ca26fcfp-16,
                          0x1.71de0d85293b8p-19,
                          0x1.2891d4ffbb0f9p-22,
                          0x1.af390ba7e6f47p-26};
  return exponential_of(c, whole_powers_of_two(x), x, x_low);
}

// Below it e^x is 0, and scaled() multiplies by 0 what is below 1.
inline constexpr double kNoPower = -1418.5;

// e^x within 1.2 units in the last place.
FERRY_INLINE double exp_double(double x) {
  const double low = x < kNoPower ? kNoPower : x;
  return exponential(low > 710.0 ? 710.0 : low).value();
}
// The same of -|x|.
FERRY_INLINE double exp_of_minus(double x) {
  const double v = -__builtin_fabs(x);
  return exponential(v < kNoPower ? kNoPower : v).value();
}

// log x for normal x > 0. With s = f / (2 + f) it is 2 s + 2 s^3 / 3 + 2 s^5 / 5 + ..., and 2 s is
// f - f^2 / 2 + s f^2 / 2. Of 5 terms to 1e-10, of 10 to less than one unit in the last place.
template <int kTerms>
FERRY_INLINE double log_normal(double x) {
  constexpr uint64_t kRootHalf = 0x3fe6a09e667f3bcd, kMantissa = 0x000fffffffffffff;
  const uint64_t b = bits_of(x) + (0x3ff0000000000000 - kRootHalf);
  const double e = double_of((b >> 52) | 0x4330000000000000) - (0x1p52 + 1023);
  const double f = double_of((b & kMantissa) + kRootHalf) - 1;
  const double s = f / (2 + f), z = s * s, h = 0.5 * f * f;
  double c[kTerms];
  FERRY_UNROLL
  for (int i = 0; i < kTerms; ++i) c[i] = 2.0 / (2 * i + 3);
  const double rest = fma_double(s, fma_double(z, polynomial(c, z), h), e * kLn2Rest);
  return e * kLn2 - ((h - rest) - f);
}

FERRY_INLINE double log_double(double x) {
  const double infinity = __builtin_inf();
  const bool tiny = x < 0x1p-1022;
  const double y = log_normal<10>(tiny ? x * 0x1p54 : x) - (tiny ? 54 * 0x1.62e42fefa39efp-1 : 0.0);
  const double finite = x < infinity ? y : x;
  const double positive = x == 0 ? -infinity : finite;
  return x < 0 ? __builtin_nan("") : positive;
}

// log(1 + x) for x in [0, 1].
FERRY_INLINE double log1p_unit(double x) {
  const double u = 1 + x;
  return log_normal<10>(u) + (x - (u - 1)) / u;
}

// The sine of x plus so many right angles, for whole right angles below 2^20.
FERRY_INLINE double sine_double(double x, uint64_t quarters) {
  const double turned = fma_double(x, 0x1.45f306dc9c883p-1, kRounder), n = turned - kRounder;
  double r = fma_double(-n, 0x1.921fb544p+0, x);
  r = fma_double(-n, 0x1.0b4611a6p-34, r);
  r = fma_double(-n, 0x1.3198a2e037073p-69, r);
  // Taylor's series, whose next terms are below 1e-19.
  constexpr double s[] =
      {-1.0 / 6,        1.0 / 120,        -1.0 / 5040,          1.0 / 362880,
       -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000},
                   c[] = {1.0 / 24,        -1.0 / 720,         1.0 / 40320,         -1.0 / 3628800,
                          1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000};
  const double z = r * r, h = 0.5 * z, near_one = 1 - h;
  const double sine = z == 0 ? r : fma_double(r * z, polynomial(s, z), r);
  const double cosine = near_one + (((1 - near_one) - h) + z * z * polynomial(c, z));
  const uint64_t turn = bits_of(turned) + quarters;
  const double v = (turn & 1) != 0 ? cosine : sine;
  return double_of(bits_of(v) ^ ((turn & 2) << 62));
}

}  // namespace ferry::FERRY_ISA
