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

// Where a pass reads and writes. Full vectors go without a mask.
struct Lines {
  const float *x_re, *x_im;
  float *y_re, *y_im;
};
template <bool kFull>
FERRY_INLINE Complex read(const Lines& l, int64_t at, Mask m) {
  if constexpr (kFull) return {load(l.x_re + at), load(l.x_im + at)};
  return {load(l.x_re + at, m), load(l.x_im + at, m)};
}
template <bool kFull>
FERRY_INLINE void write(const Lines& l, int64_t at, Complex v, Mask m) {
  if constexpr (kFull) {
    store(l.y_re + at, v.re);
    store(l.y_im + at, v.im);
  } else {
    store(l.y_re + at, v.re, m);
    store(l.y_im + at, v.im, m);
  }
}

FERRY_INLINE Complex turned(Complex v, Complex w) {
  return {fnma(v.im, w.im, v.re * w.re), fma(v.im, w.re, v.re * w.im)};
}
// v w^(p k), where w is the root of this pass. kTurn false: at p = 0, where every power is 1.
template <bool kTurn>
FERRY_INLINE Complex turned(const FftPass& f, int64_t p, int64_t k, Complex v) {
  if constexpr (!kTurn) return v;
  const int64_t at = p * k * f.root_step;
  return turned(v, {splat(f.cosines[at]), splat(f.sines[at])});
}

template <bool kFull, bool kTurn>
FERRY_INLINE void radix_2(const FftPass& f, const Lines& l, int64_t p, int64_t q, Mask m) {
  const Complex a = read<kFull>(l, p * f.s + q, m), b = read<kFull>(l, (p + f.m) * f.s + q, m);
  write<kFull>(l, 2 * p * f.s + q, a + b, m);
  write<kFull>(l, (2 * p + 1) * f.s + q, turned<kTurn>(f, p, 1, a - b), m);
}

template <bool kFull, bool kTurn>
FERRY_INLINE void radix_4(const FftPass& f, const Lines& l, int64_t p, int64_t q, Mask m) {
  Complex x[4];
  FERRY_UNROLL
  for (int j = 0; j < 4; ++j) x[j] = read<kFull>(l, (p + j * f.m) * f.s + q, m);
  const Complex even = x[0] + x[2], odd = x[1] + x[3], a = x[0] - x[2], d = x[1] - x[3];
  const F32 sign = splat(f.inverse ? -1.0f : 1.0f);
  const Complex b = {d.im * sign, -(d.re * sign)};
  write<kFull>(l, 4 * p * f.s + q, even + odd, m);
  write<kFull>(l, (4 * p + 1) * f.s + q, turned<kTurn>(f, p, 1, a + b), m);
  write<kFull>(l, (4 * p + 2) * f.s + q, turned<kTurn>(f, p, 2, even - odd), m);
  write<kFull>(l, (4 * p + 3) * f.s + q, turned<kTurn>(f, p, 3, a - b), m);
}

// An odd radix: inputs j and radix - j share their cosines, outputs k and radix - k all products.
// kRadix 0: any.
template <int kRadix, bool kFull, bool kTurn>
FERRY_INLINE void radix_odd(const FftPass& f, const Lines& l, int64_t p, int64_t q, Mask m) {
  const int64_t radix = kRadix == 0 ? f.radix : kRadix, half = radix / 2;
  constexpr int kRoom = kRadix == 0 ? static_cast<int>(kMaxFftRadix) / 2 : kRadix / 2;
  const Complex first = read<kFull>(l, p * f.s + q, m);
  Complex sum[kRoom], difference[kRoom], total = first;
  for (int64_t j = 1; j <= half; ++j) {
    const Complex a = read<kFull>(l, (p + j * f.m) * f.s + q, m);
    const Complex b = read<kFull>(l, (p + (radix - j) * f.m) * f.s + q, m);
    sum[j - 1] = a + b;
    difference[j - 1] = a - b;
    total = total + sum[j - 1];
  }
  write<kFull>(l, radix * p * f.s + q, total, m);
  const int64_t step = f.n / radix;
  for (int64_t k = 1; k <= half; ++k) {
    Complex even = first, odd = {zero(), zero()};
    for (int64_t j = 1; j <= half; ++j) {
      const int64_t at = j * k % radix * step;
      const F32 c = splat(f.cosines[at]), s = splat(f.sines[at]);
      even = {fma(sum[j - 1].re, c, even.re), fma(sum[j - 1].im, c, even.im)};
      odd = {fnma(difference[j - 1].im, s, odd.re), fma(difference[j - 1].re, s, odd.im)};
    }
    write<kFull>(l, (radix * p + k) * f.s + q, turned<kTurn>(f, p, k, even + odd), m);
    write<kFull>(l, (radix * p + radix - k) * f.s + q, turned<kTurn>(f, p, radix - k, even - odd),
                 m);
  }
}

template <int kRadix, bool kFull, bool kTurn>
FERRY_INLINE void butterfly(const FftPass& f, const Lines& l, int64_t p, int64_t q, Mask m) {
  if constexpr (kRadix == 2) return radix_2<kFull, kTurn>(f, l, p, q, m);
  if constexpr (kRadix == 4) return radix_4<kFull, kTurn>(f, l, p, q, m);
  if constexpr (kRadix != 2 && kRadix != 4) return radix_odd<kRadix, kFull, kTurn>(f, l, p, q, m);
}

template <int kRadix, bool kTurn>
FERRY_INLINE void butterflies(const FftPass& f, const Lines& l, int64_t p, Mask rest) {
  int64_t q = 0;
  for (; q + kLanes <= f.s; q += kLanes) butterfly<kRadix, true, kTurn>(f, l, p, q, rest);
  if (q < f.s) butterfly<kRadix, false, kTurn>(f, l, p, q, rest);
}

// `given` might overlap what is written, for all that the compiler knows.
template <int kRadix>
FERRY_INLINE void pass_of(const FftPass& given, const Lines& lines) {
  const FftPass f = given;
  const Lines l = lines;
  const Mask rest = first_n(f.s % kLanes);
  butterflies<kRadix, false>(f, l, 0, rest);
  for (int64_t p = 1; p < f.m; ++p) butterflies<kRadix, true>(f, l, p, rest);
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
    const int64_t n = f.values - v < kLanes ? f.values - v : kLanes;
    F32 values[kLanes];
    FERRY_UNROLL
    for (int l = 0; l < kLanes; ++l) {
      values[l] = n == kLanes ? load(f.lines[l] + v) : load_n(f.lines[l] + v, n);
    }
    transpose(values);
    FERRY_UNROLL
    for (int j = 0; j < kLanes; ++j) {
      if (j >= n) break;
      F32 x = values[j];
      if (f.window != nullptr) x = x * splat(f.window[f.windows_points ? (v + j) / 2 : v + j]);
      if (f.parts == 2) {
        store((j % 2 == 0 ? re : im) + (v + j) / 2 * kLanes, x);
      } else {
        store(re + (v + j) * kLanes, x);
        store(im + (v + j) * kLanes, zero());
      }
    }
  }
  if (f.parts == 2 && f.values % 2 != 0) store(im + f.values / 2 * kLanes, zero());
}

// Of even and of odd values E and O, Z = E + i O: X[k] = E[k] + w^k O[k].
template <bool kFull>
FERRY_INLINE void unpair_points(int64_t a, int64_t b, Complex w, const Lines& l, Mask m) {
  const Complex x = read<kFull>(l, a, m), y = read<kFull>(l, b, m);
  const F32 half = splat(0.5f);
  const Complex even = {half * (x.re + y.re), half * (x.im - y.im)};
  const Complex odd = turned({half * (x.im + y.im), half * (y.re - x.re)}, w);
  const Complex first = even + odd, last = even - odd;
  write<kFull>(l, a, first, m);
  write<kFull>(l, b, {last.re, zero() - last.im}, m);
}

void unpair(int64_t n, int64_t lines, const float* cosines, const float* sines, float* re,
            float* im) noexcept {
  const Lines l{re, im, re, im};
  const Mask rest = first_n(lines % kLanes);
  for (int64_t q = 0; q < lines; ++q) {
    re[n * lines + q] = re[q];
    im[n * lines + q] = im[q];
  }
  for (int64_t k = 0; k <= n / 2; ++k) {
    const Complex w = {splat(cosines[k]), splat(sines[k])};
    const int64_t a = k * lines, b = (n - k) * lines;
    int64_t q = 0;
    for (; q + kLanes <= lines; q += kLanes) unpair_points<true>(a + q, b + q, w, l, rest);
    if (q < lines) unpair_points<false>(a + q, b + q, w, l, rest);
  }
}

template <int kParts>
FERRY_INLINE void write_parts(const FftWrite& given, const float* re, const float* im) {
  const FftWrite f = given;
  const F32 factor = splat(f.factor);
  for (int64_t k = 0; k < f.points; k += kLanes / kParts) {
    F32 values[kLanes];
    FERRY_UNROLL
    for (int j = 0; j < kLanes / kParts; ++j) {
      const int64_t point = k + j < f.points ? k + j : f.points - 1;
      const bool mirrored = point >= f.rows;
      const int64_t at = (mirrored ? f.length - point : point) * kLanes;
      values[kParts * j] = load(re + at) * factor;
      if constexpr (kParts == 2) {
        const F32 v = load(im + at) * factor;
        values[2 * j + 1] = mirrored ? zero() - v : v;
      }
    }
    transpose(values);
    const int64_t n = kParts * (f.points - k);
    for (int64_t l = 0; l < f.used; ++l) {
      if (n >= kLanes)
        store(f.lines[l] + kParts * k, values[l]);
      else
        store_n(f.lines[l] + kParts * k, values[l], n);
    }
  }
}

void write_lines(const FftWrite& f, const float* re, const float* im) noexcept {
  if (f.parts == 2) return write_parts<2>(f, re, im);
  write_parts<1>(f, re, im);
}

}  // namespace

extern const FftKernels kFftKernels = {kLanes, read_lines, pass, unpair, write_lines};

}  // namespace ferry::FERRY_ISA
