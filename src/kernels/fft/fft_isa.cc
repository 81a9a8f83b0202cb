// SPDX-License-Identifier: Apache-2.0
#include "kernels/fft/fft.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

struct Complex {
  F32 re, im;
};
FERRY_INLINE Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
FERRY_INLINE Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }

// Where a pass reads and writes.
struct Lines {
  const float *x_re, *x_im;
  float *y_re, *y_im;
};
FERRY_INLINE Complex read(const Lines& l, int64_t at) {
  return {load(l.x_re + at), load(l.x_im + at)};
}
FERRY_INLINE void write(const Lines& l, int64_t at, Complex v) {
  store(l.y_re + at, v.re);
  store(l.y_im + at, v.im);
}

FERRY_INLINE Complex turned(Complex v, Complex w) {
  return {fnma(v.im, w.im, v.re * w.re), fma(v.im, w.re, v.re * w.im)};
}
// v w^(p k), where w is the root of this pass.
FERRY_INLINE Complex turned(const FftPass& f, int64_t p, int64_t k, Complex v) {
  const int64_t at = p * k * f.root_step;
  return turned(v, {splat(f.cosines[at]), splat(f.sines[at])});
}

FERRY_INLINE void radix_2(const FftPass& f, const Lines& l, int64_t p, int64_t q) {
  const Complex a = read(l, p * f.s + q), b = read(l, (p + f.m) * f.s + q);
  write(l, 2 * p * f.s + q, a + b);
  write(l, (2 * p + 1) * f.s + q, turned(f, p, 1, a - b));
}

FERRY_INLINE void radix_4(const FftPass& f, const Lines& l, int64_t p, int64_t q) {
  Complex x[4];
  FERRY_UNROLL
  for (int j = 0; j < 4; ++j) x[j] = read(l, (p + j * f.m) * f.s + q);
  const Complex even = x[0] + x[2], odd = x[1] + x[3], a = x[0] - x[2], d = x[1] - x[3];
  const F32 sign = splat(f.inverse ? -1.0f : 1.0f);
  const Complex b = {d.im * sign, -(d.re * sign)};
  write(l, 4 * p * f.s + q, even + odd);
  write(l, (4 * p + 1) * f.s + q, turned(f, p, 1, a + b));
  write(l, (4 * p + 2) * f.s + q, turned(f, p, 2, even - odd));
  write(l, (4 * p + 3) * f.s + q, turned(f, p, 3, a - b));
}

// An odd radix: inputs j and radix - j share their cosines, outputs k and radix - k all products.
// kRadix 0: any.
template <int kRadix>
FERRY_INLINE void radix_odd(const FftPass& f, const Lines& l, int64_t p, int64_t q) {
  const int64_t radix = kRadix == 0 ? f.radix : kRadix, half = radix / 2;
  constexpr int kRoom = kRadix == 0 ? static_cast<int>(kMaxFftRadix) / 2 : kRadix / 2;
  const Complex first = read(l, p * f.s + q);
  Complex sum[kRoom], difference[kRoom], last[kRoom], total = first;
  for (int64_t j = 1; j <= half; ++j) {
    const Complex a = read(l, (p + j * f.m) * f.s + q);
    const Complex b = read(l, (p + (radix - j) * f.m) * f.s + q);
    sum[j - 1] = a + b;
    difference[j - 1] = a - b;
    total = total + sum[j - 1];
  }
  write(l, radix * p * f.s + q, total);
  const int64_t step = f.n / radix;
  for (int64_t k = 1; k <= half; ++k) {
    Complex even = first, odd = {zero(), zero()};
    for (int64_t j = 1; j <= half; ++j) {
      const int64_t at = j * k % radix * step;
      const F32 c = splat(f.cosines[at]), s = splat(f.sines[at]);
      even = {fma(sum[j - 1].re, c, even.re), fma(sum[j - 1].im, c, even.im)};
      odd = {fnma(difference[j - 1].im, s, odd.re), fma(difference[j - 1].re, s, odd.im)};
    }
    write(l, (radix * p + k) * f.s + q, turned(f, p, k, even + odd));
    last[k - 1] = turned(f, p, radix - k, even - odd);
  }
  for (int64_t k = half; k >= 1; --k) write(l, (radix * p + radix - k) * f.s + q, last[k - 1]);
}

template <int kRadix>
FERRY_INLINE void butterfly(const FftPass& f, const Lines& l, int64_t p, int64_t q) {
  if constexpr (kRadix == 2) return radix_2(f, l, p, q);
  if constexpr (kRadix == 4) return radix_4(f, l, p, q);
  if constexpr (kRadix != 2 && kRadix != 4) return radix_odd<kRadix>(f, l, p, q);
}

// A vector that is wider than what is left runs over into the point after it, which is written
// later: points in their order, of each the last vector first.
template <int kRadix>
FERRY_INLINE void pass_of(const FftPass& given, const Lines& lines) {
  const FftPass f = given;  // which might overlap what is written, for all that the compiler knows
  const Lines l = lines;
  const int64_t last = (f.s - 1) / kLanes * kLanes;
  for (int64_t p = 0; p < f.m; ++p) {
    for (int64_t q = last; q >= 0; q -= kLanes) butterfly<kRadix>(f, l, p, q);
  }
}

void pass(const FftPass& f, const float* x_re, const float* x_im, float* y_re,
          float* y_im) noexcept {
  const Lines l{x_re, x_im, y_re, y_im};
  switch (f.radix) {
    case 2:
      return pass_of<2>(f, l);
    case 3:
      return pass_of<3>(f, l);
    case 4:
      return pass_of<4>(f, l);
    case 5:
      return pass_of<5>(f, l);
    default:
      return pass_of<0>(f, l);
  }
}

void read_lines(const FftRead& given, float* re, float* im) noexcept {
  const FftRead f = given;
  for (int64_t v = 0; v < f.values; v += kLanes) {
    const Mask mask = first_n(f.values - v < kLanes ? f.values - v : kLanes);
    const F32 window = f.window == nullptr ? splat(1.0f) : load(f.window + v, mask);
    F32 values[kLanes];
    FERRY_UNROLL
    for (int l = 0; l < kLanes; ++l) values[l] = load(f.lines[l] + v, mask) * window;
    transpose(values);
    if (f.parts == 2) {
      FERRY_UNROLL
      for (int j = 0; j < kLanes; ++j)
        store((j % 2 == 0 ? re : im) + (v + j) / 2 * kLanes, values[j]);
    } else {
      FERRY_UNROLL
      for (int j = 0; j < kLanes; ++j) {
        store(re + (v + j) * kLanes, values[j]);
        store(im + (v + j) * kLanes, zero());
      }
    }
  }
}

// Of even and of odd values E and O, Z = E + i O: X[k] = E[k] + w^k O[k].
FERRY_INLINE void unpair_points(int64_t a, int64_t b, Complex w, const Lines& l) {
  const Complex x = read(l, a), y = read(l, b);
  const F32 half = splat(0.5f);
  const Complex even = {half * (x.re + y.re), half * (x.im - y.im)};
  const Complex odd = turned({half * (x.im + y.im), half * (y.re - x.re)}, w);
  const Complex first = even + odd, last = even - odd;
  write(l, a, first);
  write(l, b, {last.re, zero() - last.im});
}

void unpair(int64_t n, const float* cosines, const float* sines, float* re, float* im) noexcept {
  const Lines l{re, im, re, im};
  write(l, n * kLanes, read(l, 0));
  for (int64_t k = 0; k <= n / 2; ++k) {
    unpair_points(k * kLanes, (n - k) * kLanes, {splat(cosines[k]), splat(sines[k])}, l);
  }
}

void write_lines(const FftWrite& given, const float* re, const float* im) noexcept {
  const FftWrite f = given;
  const F32 factor = splat(f.factor);
  for (int64_t k = 0; k < f.points; k += kLanes / 2) {
    F32 values[kLanes];
    FERRY_UNROLL
    for (int j = 0; j < kLanes / 2; ++j) {
      const int64_t point = k + j < f.points ? k + j : f.points - 1;
      const bool mirrored = point >= f.rows;
      const int64_t at = (mirrored ? f.length - point : point) * kLanes;
      const F32 v = load(im + at) * factor;
      values[2 * j] = load(re + at) * factor;
      values[2 * j + 1] = mirrored ? zero() - v : v;
    }
    transpose(values);
    const int64_t n = 2 * (f.points - k) < kLanes ? 2 * (f.points - k) : kLanes;
    for (int64_t l = 0; l < f.used; ++l) store_n(f.lines[l] + 2 * k, values[l], n);
  }
}

}  // namespace

extern const FftKernels kFftKernels = {kLanes, read_lines, pass, unpair, write_lines};

}  // namespace ferry::FERRY_ISA
