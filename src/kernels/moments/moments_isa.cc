// SPDX-License-Identifier: Apache-2.0
#include "kernels/moments/moments.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// Values that one chain adds up in fp32 before the sum moves on to a double.
constexpr int64_t kChainValues = 256;

// Sums over n values of what f makes of each: f(v, terms) writes kSums terms.
template <int kSums, class F>
FERRY_INLINE void sums_of(const float* x, int64_t n, F f, double (&totals)[kSums]) {
  // Of additions: more than an addition's latency, and short sums round less.
  constexpr int kChains = 8 / kSums;
  constexpr int64_t kStep = kChains * kLanes, kBlock = kChainValues * kStep;
  for (double& t : totals) t = 0;
  for (int64_t from = 0; from < n; from += kBlock) {
    const int64_t to = from + kBlock < n ? from + kBlock : n;
    F32 s[kChains][kSums];
    const auto add = [&](int j, F32 v) {
      F32 terms[kSums];
      f(v, terms);
      FERRY_UNROLL
      for (int k = 0; k < kSums; ++k) s[j][k] = s[j][k] + terms[k];
    };
    FERRY_UNROLL
    for (int j = 0; j < kChains; ++j) {
      FERRY_UNROLL
      for (int k = 0; k < kSums; ++k) s[j][k] = zero();
    }
    int64_t i = from;
    for (; i + kStep <= to; i += kStep) {
      FERRY_UNROLL
      for (int j = 0; j < kChains; ++j) add(j, load(x + i + j * kLanes));
    }
    for (; i + kLanes <= to; i += kLanes) add(0, load(x + i));
    if (i < to) {
      const Mask m = lt(iota_i(), splat_i(static_cast<int32_t>(to - i)));
      F32 terms[kSums];
      f(load_n(x + i, to - i), terms);
      FERRY_UNROLL
      for (int k = 0; k < kSums; ++k) s[1][k] = s[1][k] + select(m, terms[k], zero());
    }
    FERRY_UNROLL
    for (int k = 0; k < kSums; ++k) {
      FERRY_UNROLL
      for (int j = 1; j < kChains; ++j) s[0][k] = s[0][k] + s[j][k];
      totals[k] += static_cast<double>(reduce_add(s[0][k]));
    }
  }
}

void moments(const float* x, int64_t n, double* mean, double* variance) noexcept {
  const double count = static_cast<double>(n);
  double sum[1], about[2];
  sums_of(
      x, n, [](F32 v, F32* terms) { terms[0] = v; }, sum);
  const auto centre = static_cast<float>(sum[0] / count);
  const F32 c = splat(centre);
  const auto deviation = [=](F32 v, F32* terms) {
    terms[0] = v - c;
    terms[1] = terms[0] * terms[0];
  };
  sums_of(x, n, deviation, about);
  const double rest = about[0] / count, spread = about[1] / count - rest * rest;
  *mean = static_cast<double>(centre) + rest;
  *variance = spread < 0 ? 0 : spread;
}

void affine(const float* x, float* y, int64_t n, double mean, float a, float b) noexcept {
  const auto centre = static_cast<float>(mean);
  const auto rest = static_cast<float>(mean - static_cast<double>(centre));
  const F32 high = splat(centre), low = splat(rest), va = splat(a), vb = splat(b);
  const auto line = [=](F32 v) { return fma((v - high) - low, va, vb); };
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const F32 u = line(load(x + i)), v = line(load(x + i + kLanes));
    store(y + i, u);
    store(y + i + kLanes, v);
  }
  for (; i < n; i += kLanes) {
    const int64_t m = n - i < kLanes ? n - i : kLanes;
    store_n(y + i, line(load_n(x + i, m)), m);
  }
}

FERRY_INLINE void store_wide(double* y, F32 v, int64_t n) {
  float narrow[kLanes];
  store(narrow, v);
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<double>(narrow[i]);
}

FERRY_INLINE F32 load_some(const float* x, int64_t n) {
  return n == kLanes ? load(x) : load_n(x, n);
}

// Sums of f's terms over kVectors vectors of columns, 0 < n <= kVectors * kLanes of them:
// f(value, column, lanes, terms) writes kSums terms.
template <int kVectors, int kSums, class F>
FERRY_INLINE void sum_some_columns(const float* x, int64_t rows, int64_t cols, int64_t c, int64_t n,
                                   double* const (&sums)[kSums], F f) {
  F32 s[kVectors][kSums];
  FERRY_UNROLL
  for (int j = 0; j < kVectors; ++j) {
    FERRY_UNROLL
    for (int k = 0; k < kSums; ++k) s[j][k] = zero();
  }
  for (int64_t r = 0; r < rows; ++r) {
    FERRY_UNROLL
    for (int j = 0; j < kVectors; ++j) {
      const int64_t at = c + j * kLanes;
      F32 terms[kSums];
      f(load_some(x + r * cols + at, n), at, n, terms);
      FERRY_UNROLL
      for (int k = 0; k < kSums; ++k) s[j][k] = s[j][k] + terms[k];
    }
  }
  FERRY_UNROLL
  for (int j = 0; j < kVectors; ++j) {
    FERRY_UNROLL
    for (int k = 0; k < kSums; ++k) store_wide(sums[k] + c + j * kLanes, s[j][k], n);
  }
}

// Four vectors of columns at a time: one line of the cache.
template <int kSums, class F>
FERRY_INLINE void sum_columns(const float* x, int64_t rows, int64_t cols,
                              double* const (&sums)[kSums], F f) {
  int64_t c = 0;
  for (; c + 4 * kLanes <= cols; c += 4 * kLanes) {
    sum_some_columns<4, kSums>(x, rows, cols, c, kLanes, sums, f);
  }
  for (; c < cols; c += kLanes) {
    sum_some_columns<1, kSums>(x, rows, cols, c, cols - c < kLanes ? cols - c : kLanes, sums, f);
  }
}

void column_sums(const float* x, int64_t rows, int64_t cols, double* sums) noexcept {
  sum_columns<1>(x, rows, cols, {sums}, [](F32 v, int64_t, int64_t, F32* terms) { terms[0] = v; });
}

void column_deviations(const float* x, int64_t rows, int64_t cols, const float* centre,
                       double* sums, double* squares) noexcept {
  sum_columns<2>(x, rows, cols, {sums, squares}, [=](F32 v, int64_t c, int64_t n, F32* terms) {
    terms[0] = v - load_some(centre + c, n);
    terms[1] = terms[0] * terms[0];
  });
}

void column_affine(const float* x, float* y, int64_t rows, int64_t cols, const float* high,
                   const float* low, const float* a, const float* b) noexcept {
  for (int64_t r = 0; r < rows; ++r, x += cols, y += cols) {
    int64_t c = 0;
    for (; c + kLanes <= cols; c += kLanes) {
      store(y + c, fma((load(x + c) - load(high + c)) - load(low + c), load(a + c), load(b + c)));
    }
    if (c == cols) continue;
    const int64_t n = cols - c;
    const F32 v = (load_n(x + c, n) - load_n(high + c, n)) - load_n(low + c, n);
    store_n(y + c, fma(v, load_n(a + c, n), load_n(b + c, n)), n);
  }
}

}  // namespace

extern const MomentKernels kMomentKernels = {moments, affine, column_sums, column_deviations,
                                             column_affine};

}  // namespace ferry::FERRY_ISA
