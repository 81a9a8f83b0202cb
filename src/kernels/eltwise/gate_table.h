// SPDX-License-Identifier: Apache-2.0
// Gates of activations from a table that the registers hold, for `eltwise_isa.cc` with AVX-512.
//
// A gate g rises from 0 to 1 with g(-x) = 1 - g(x); the activation is x g(x) = max(x, 0) - a T(a)
// with a = |x| and the tail T(a) = g(-a). Near each of 32 centres, a width apart, T is a
// polynomial.
#pragma once

#include "kernels/vec_math.h"

namespace ferry::FERRY_ISA {

inline constexpr int kCentres = 2 * kLanes;
inline constexpr int kDegree = 6;

// Of the polynomial's coefficients the first is in two parts: what rounding it would take away is
// more than a unit in the last place of the result.
struct GateTable {
  float first[kCentres], rest[kCentres], others[kDegree][kCentres];
  // A power of two times a small integer, so that centres are exact.
  float width;
  // Beyond it a table says nothing. The last centres only close the row: near them what is added to
  // the first coefficient is half of the result, and so is what it rounds.
  float limit() const { return (kCentres - 4) * width; }
};

// Coefficients of T(a + u) in u.
inline constexpr int kTerms = 16;
struct TailSeries {
  double c[kTerms] = {};
};

constexpr double exponential(double x) {
  double y = 1;
  for (int n = 20; n > 0; --n) y = 1 + x / (1024 * n) * y;
  for (int n = 0; n < 10; ++n) y *= y;
  return y;
}

// T(a) = erfc(a / sqrt 2) / 2, the integral of the density p from a on; p' = -a p.
constexpr TailSeries normal_tail(double a, double tail) {
  TailSeries t, p;
  t.c[0] = tail;
  p.c[0] = 0.39894228040143267794 * exponential(-a * a / 2);
  for (int n = 0; n + 1 < kTerms; ++n) {
    t.c[n + 1] = -p.c[n] / (n + 1);
    p.c[n + 1] = -(a * p.c[n] + (n > 0 ? p.c[n - 1] : 0)) / (n + 1);
  }
  return t;
}

// T = 1 / (1 + e^v) with v = k (a + 0.044715 a^3); T' = -v' T (1 - T).
constexpr TailSeries tanh_tail(double a, double tail) {
  constexpr double k = 1.5957691216057307118, cube = 3 * 0.044715 * k;
  const double slope[3] = {k + cube * a * a, 2 * cube * a, cube};
  TailSeries t, product;
  t.c[0] = tail;
  for (int n = 0; n + 1 < kTerms; ++n) {
    product.c[n] = t.c[n];
    for (int i = 0; i <= n; ++i) product.c[n] -= t.c[i] * t.c[n - i];
    for (int i = 0; i < 3 && i <= n; ++i) t.c[n + 1] -= slope[i] * product.c[n - i] / (n + 1);
  }
  return t;
}

// The series cut to kDegree for |u| <= half: each term that goes takes with it a multiple of the
// Chebyshev polynomial of its degree, of which the largest value is the smallest there is.
constexpr TailSeries economized(TailSeries t, double half) {
  double cheb[kTerms][kTerms] = {};
  cheb[0][0] = cheb[1][1] = 1;
  for (int n = 2; n < kTerms; ++n) {
    for (int i = 0; i <= n; ++i) {
      cheb[n][i] = (i > 0 ? 2 * cheb[n - 1][i - 1] : 0) - cheb[n - 2][i];
    }
  }
  double power[kTerms] = {1};
  for (int i = 1; i < kTerms; ++i) power[i] = power[i - 1] * half;
  for (int n = kTerms - 1; n > kDegree; --n) {
    const double share = t.c[n] * power[n] / cheb[n][n];
    for (int i = n & 1; i <= n; i += 2) t.c[i] -= share * cheb[n][i] / power[i];
  }
  return t;
}

constexpr GateTable gate_table(TailSeries (*tail_series)(double a, double tail), double width) {
  GateTable table = {};
  table.width = static_cast<float>(width);
  double tail = 0.5;
  for (int j = 0; j < kCentres; ++j) {
    const TailSeries t = tail_series(width * j, tail), cut = economized(t, width / 2);
    table.first[j] = static_cast<float>(cut.c[0]);
    table.rest[j] = static_cast<float>(cut.c[0] - static_cast<double>(table.first[j]));
    for (int k = 0; k < kDegree; ++k) table.others[k][j] = static_cast<float>(cut.c[k + 1]);
    tail = 0;
    for (int n = kTerms - 1; n >= 0; --n) tail = tail * width + t.c[n];
  }
  return table;
}

// One row of the table in registers.
struct GateRow {
  F32 low, high;
};
FERRY_INLINE GateRow load_row(const float* row) { return {load(row), load(row + kLanes)}; }
FERRY_INLINE F32 at(const GateRow& row, I32 centre) { return permute(row.low, row.high, centre); }

struct Gate {
  GateRow first, rest, others[kDegree];
  F32 width, per_width;
};
FERRY_INLINE Gate load_gate(const GateTable& table) {
  Gate gate = {
      load_row(table.first), load_row(table.rest), {}, splat(table.width), splat(1 / table.width)};
  FERRY_UNROLL
  for (int k = 0; k < kDegree; ++k) gate.others[k] = load_row(table.others[k]);
  return gate;
}

// x g(x) for |x| <= limit().
FERRY_INLINE F32 gated(const Gate& gate, F32 x) {
  const F32 a = abs(x), sum = fma(a, gate.per_width, splat(kRounder));
  const F32 u = fnma(sum - splat(kRounder), gate.width, a);
  const I32 centre = bits(sum);
  F32 p = at(gate.others[kDegree - 1], centre);
  FERRY_UNROLL
  for (int k = kDegree - 2; k >= 0; --k) p = fma(p, u, at(gate.others[k], centre));
  p = fma(p, u, at(gate.rest, centre));
  return fnma(a, p, fnma(a, at(gate.first, centre), max(zero(), x)));
}

}  // namespace ferry::FERRY_ISA
