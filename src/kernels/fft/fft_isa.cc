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

// w^(p k), where w is the root of this pass.
FERRY_INLINE Complex root(const FftPass& f, int64_t p, int64_t k) {
  const int64_t at = p * k * (f.n / (f.radix * f.m));
  return {splat(f.cosines[at]), splat(f.sines[at])};
}
FERRY_INLINE Complex turned(Complex v, Complex w) {
  return {fnma(v.im, w.im, v.re * w.re), fma(v.im, w.re, v.re * w.im)};
}

template <bool kFull>
FERRY_INLINE void radix_2(const FftPass& f, const Lines& l, int64_t p, int64_t q, Mask m) {
  const Complex a = read<kFull>(l, p * f.s + q, m), b = read<kFull>(l, (p + f.m) * f.s + q, m);
  write<kFull>(l, 2 * p * f.s + q, a + b, m);
  write<kFull>(l, (2 * p + 1) * f.s + q, turned(a - b, root(f, p, 1)), m);
}

template <bool kFull>
FERRY_INLINE void radix_4(const FftPass& f, const Lines& l, int64_t p, int64_t q, Mask m) {
  Complex x[4];
  FERRY_UNROLL
  for (int j = 0; j < 4; ++j) x[j] = read<kFull>(l, (p + j * f.m) * f.s + q, m);
  const Complex even = x[0] + x[2], odd = x[1] + x[3], a = x[0] - x[2], d = x[1] - x[3];
  const F32 sign = splat(f.inverse ? -1.0f : 1.0f);
  const Complex b = {d.im * sign, -(d.re * sign)};
  write<kFull>(l, 4 * p * f.s + q, even + odd, m);
  write<kFull>(l, (4 * p + 1) * f.s + q, turned(a + b, root(f, p, 1)), m);
  write<kFull>(l, (4 * p + 2) * f.s + q, turned(even - odd, root(f, p, 2)), m);
  write<kFull>(l, (4 * p + 3) * f.s + q, turned(a - b, root(f, p, 3)), m);
}

// An odd radix: inputs j and radix - j share their cosines, outputs k and radix - k all products.
// kRadix 0: any.
template <int kRadix, bool kFull>
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
    write<kFull>(l, (radix * p + k) * f.s + q, turned(even + odd, root(f, p, k)), m);
    write<kFull>(l, (radix * p + radix - k) * f.s + q, turned(even - odd, root(f, p, radix - k)),
                 m);
  }
}

template <int kRadix, bool kFull>
FERRY_INLINE void butterfly(const FftPass& f, const Lines& l, int64_t p, int64_t q, Mask m) {
  if constexpr (kRadix == 2) return radix_2<kFull>(f, l, p, q, m);
  if constexpr (kRadix == 4) return radix_4<kFull>(f, l, p, q, m);
  if constexpr (kRadix != 2 && kRadix != 4) return radix_odd<kRadix, kFull>(f, l, p, q, m);
}

template <int kRadix>
FERRY_INLINE void pass_of(const FftPass& f, const Lines& l) {
  const Mask rest = first_n(f.s % kLanes);
  for (int64_t p = 0; p < f.m; ++p) {
    int64_t q = 0;
    for (; q + kLanes <= f.s; q += kLanes) butterfly<kRadix, true>(f, l, p, q, rest);
    if (q < f.s) butterfly<kRadix, false>(f, l, p, q, rest);
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

}  // namespace

extern const FftKernels kFftKernels = {pass};

}  // namespace ferry::FERRY_ISA
