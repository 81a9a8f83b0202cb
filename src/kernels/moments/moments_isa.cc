// SPDX-License-Identifier: Apache-2.0
#include "kernels/moments/moments.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// Chains of additions: more than an addition's latency, and short sums round less.
constexpr int kChains = 8;
// Values that one chain adds up in fp32 before the sum moves on to a double.
constexpr int64_t kBlock = 256 * kChains * kLanes;

// Sum of f over n values.
template <class F>
FERRY_INLINE double sum_of(const float* x, int64_t n, F f) {
  double total = 0;
  for (int64_t from = 0; from < n; from += kBlock) {
    const int64_t to = from + kBlock < n ? from + kBlock : n;
    F32 s[kChains];
    FERRY_UNROLL
    for (int j = 0; j < kChains; ++j) s[j] = zero();
    int64_t i = from;
    for (; i + kChains * kLanes <= to; i += kChains * kLanes) {
      FERRY_UNROLL
      for (int j = 0; j < kChains; ++j) s[j] = s[j] + f(load(x + i + j * kLanes));
    }
    for (; i + kLanes <= to; i += kLanes) s[0] = s[0] + f(load(x + i));
    if (i < to) {
      const Mask m = lt(iota_i(), splat_i(static_cast<int32_t>(to - i)));
      s[1] = s[1] + select(m, f(load_n(x + i, to - i)), zero());
    }
    FERRY_UNROLL
    for (int j = 1; j < kChains; ++j) s[0] = s[0] + s[j];
    total += static_cast<double>(reduce_add(s[0]));
  }
  return total;
}

void moments(const float* x, int64_t n, double* mean, double* variance) noexcept {
  const double count = static_cast<double>(n);
  *mean = sum_of(x, n, [](F32 v) { return v; }) / count;
  const auto high = static_cast<float>(*mean);
  const double low = *mean - static_cast<double>(high);
  const F32 centre = splat(high);
  const double squares = sum_of(x, n, [=](F32 v) { return (v - centre) * (v - centre); });
  const double about_mean = squares / count - low * low;
  *variance = about_mean > 0 ? about_mean : 0;
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

// Sums of f(value, column) over four vectors of columns at a time: one line of the cache.
template <class F>
FERRY_INLINE void sum_columns(const float* x, int64_t rows, int64_t cols, double* sums, F f) {
  int64_t c = 0;
  for (; c + 4 * kLanes <= cols; c += 4 * kLanes) {
    F32 s[4] = {zero(), zero(), zero(), zero()};
    for (int64_t r = 0; r < rows; ++r) {
      const float* row = x + r * cols + c;
      FERRY_UNROLL
      for (int j = 0; j < 4; ++j) s[j] = s[j] + f(load(row + j * kLanes), c + j * kLanes, kLanes);
    }
    FERRY_UNROLL
    for (int j = 0; j < 4; ++j) store_wide(sums + c + j * kLanes, s[j], kLanes);
  }
  for (; c < cols; c += kLanes) {
    const int64_t n = cols - c < kLanes ? cols - c : kLanes;
    F32 s = zero();
    for (int64_t r = 0; r < rows; ++r) s = s + f(load_n(x + r * cols + c, n), c, n);
    store_wide(sums + c, s, n);
  }
}

void column_sums(const float* x, int64_t rows, int64_t cols, const float* centre,
                 double* sums) noexcept {
  if (centre == nullptr) {
    return sum_columns(x, rows, cols, sums, [](F32 v, int64_t, int64_t) { return v; });
  }
  sum_columns(x, rows, cols, sums, [=](F32 v, int64_t c, int64_t n) {
    const F32 d = v - load_n(centre + c, n);
    return d * d;
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

extern const MomentKernels kMomentKernels = {moments, affine, column_sums, column_affine};

}  // namespace ferry::FERRY_ISA
