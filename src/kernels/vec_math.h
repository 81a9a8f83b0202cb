// SPDX-License-Identifier: Apache-2.0
// Elementary functions on vectors, for `_isa.cc` files. Polynomials are minimax fits of our own;
// the bounds beside them are of the approximation, before rounding. NaN stays NaN everywhere.
#pragma once

#include "kernels/vec.h"

namespace ferry::FERRY_ISA {

// e^x. Overflows to infinity, underflows through subnormals to zero.
FERRY_INLINE F32 exp(F32 x) {
  // Beyond these the result is 0 or infinity all the same, and n stays in range.
  x = min(splat(89.0f), max(splat(-104.5f), x));
  const F32 n = round(x * splat(1.44269504f));
  // ln 2 in two parts: the first has few bits, so n times it is exact.
  F32 r = fnma(n, splat(0.693359375f), x);
  r = fnma(n, splat(-2.12194440e-4f), r);
  // (e^r - 1 - r) / r^2 on |r| <= ln(2) / 2, within 6e-11 of e^r.
  F32 p = splat(0.000197902482f);
  p = fma(p, r, splat(0.00139447593f));
  p = fma(p, r, splat(0.00833349768f));
  p = fma(p, r, splat(0.0416662954f));
  p = fma(p, r, splat(0.166666657f));
  p = fma(p, r, splat(0.5f));
  p = fma(p * r, r, r) + splat(1.0f);
  return scale_pow2(p, n);
}

// e^x - 1 for x <= 0: near zero its series, where the difference would cancel.
FERRY_INLINE F32 expm1_negative(F32 x) {
  F32 p = splat(1.0f / 362880);
  p = fma(p, x, splat(1.0f / 40320));
  p = fma(p, x, splat(1.0f / 5040));
  p = fma(p, x, splat(1.0f / 720));
  p = fma(p, x, splat(1.0f / 120));
  p = fma(p, x, splat(1.0f / 24));
  p = fma(p, x, splat(1.0f / 6));
  p = fma(p, x, splat(0.5f));
  return select(lt(splat(-0.7f), x), fma(p * x, x, x), exp(x) - splat(1.0f));
}

// From e^-|x|, so that small results keep their digits.
FERRY_INLINE F32 sigmoid(F32 x) {
  const F32 e = exp(-abs(x));
  return select(lt(x, zero()), e, splat(1.0f)) / (splat(1.0f) + e);
}

FERRY_INLINE F32 tanh(F32 x) {
  const F32 a = abs(x), s = x * x;
  // (tanh(x) / x - 1) / x^2 for x^2 <= 0.42, within 3e-10.
  F32 p = splat(0.00207101787f);
  p = fma(p, s, splat(-0.00809917413f));
  p = fma(p, s, splat(0.0216693599f));
  p = fma(p, s, splat(-0.0539411269f));
  p = fma(p, s, splat(0.133331627f));
  p = fma(p, s, splat(-0.333333284f));
  const F32 small = fma(p * s, x, x);
  const F32 large = splat(1.0f) - splat(2.0f) / (exp(a + a) + splat(1.0f));
  return select(lt(a, splat(0.64f)), small, copysign(large, x));
}

// erf(x) for x^2 = s <= 0.87, within 5e-10 x.
FERRY_INLINE F32 erf_near_zero(F32 x, F32 s) {
  F32 p = splat(8.32748701e-05f);
  p = fma(p, s, splat(-0.000813321501f));
  p = fma(p, s, splat(0.00520026078f));
  p = fma(p, s, splat(-0.0268591195f));
  p = fma(p, s, splat(0.112836912f));
  p = fma(p, s, splat(-0.376126349f));
  p = fma(p, s, splat(0.128379166f));
  return fma(p, x, x);
}

// 1 - erf(a) for a >= 0.92, within 3e-10; 0 beyond 4.
FERRY_INLINE F32 erfc_tail(F32 a) {
  // -log(erfc(t)) / t.
  const F32 t = min(splat(4.0f), a);
  F32 q = splat(4.93821608e-06f);
  q = fma(q, t, splat(-4.55812005e-05f));
  q = fma(q, t, splat(-4.9586688e-05f));
  q = fma(q, t, splat(0.00293015735f));
  q = fma(q, t, splat(-0.0226741377f));
  q = fma(q, t, splat(0.105262697f));
  q = fma(q, t, splat(0.635625303f));
  q = fma(q, t, splat(1.12855172f));
  return select(lt(a, splat(4.0f)), exp(-(q * t)), zero());
}

FERRY_INLINE F32 erf(F32 x) {
  const F32 a = abs(x);
  const F32 large = splat(1.0f) - erfc_tail(a);
  return select(lt(a, splat(0.93f)), erf_near_zero(x, x * x),
                select(is_nan(x), x, copysign(large, x)));
}

// x / 2 (1 + erf(x / sqrt 2)) = max(x, 0) - |x| / 2 erfc(|x| / sqrt 2), where nothing cancels.
FERRY_INLINE F32 gelu(F32 x) {
  // z = -log2 erfc(a / sqrt 2), as a polynomial times a: erfc within 7e-8, and 2.4e-6 of itself.
  const F32 a = abs(x), t = min(splat(5.65685415f), a);
  F32 q = splat(2.2624274e-08f);
  q = fma(q, t, splat(-6.98353176e-07f));
  q = fma(q, t, splat(9.24201049e-06f));
  q = fma(q, t, splat(-6.64545587e-05f));
  q = fma(q, t, splat(0.000245749165f));
  q = fma(q, t, splat(6.82940154e-05f));
  q = fma(q, t, splat(-0.00702637946f));
  q = fma(q, t, splat(0.0524910763f));
  q = fma(q, t, splat(0.459206283f));
  q = fma(q, t, splat(1.15110552f));
  const F32 z = min(splat(148.0f), q * a), n = round(z), r = n - z;
  // 2^r on |r| <= 1/2, within 2e-9.
  F32 p = splat(0.000153458124f);
  p = fma(p, r, splat(0.00133999309f));
  p = fma(p, r, splat(0.00961848907f));
  p = fma(p, r, splat(0.0555032864f));
  p = fma(p, r, splat(0.240226462f));
  p = fma(p, r, splat(0.693147182f));
  p = fma(p, r, splat(1.0f));
  return fnma(t * splat(0.5f), scale_pow2(p, -n), max(zero(), x));
}

// The tanh form of gelu: x / 2 (1 + tanh(t)) = x sigmoid(2 t).
FERRY_INLINE F32 gelu_tanh(F32 x) {
  return x * sigmoid(splat(1.59576912f) * fma(splat(0.044715f) * x * x, x, x));
}

// Natural logarithm; of 0 minus infinity, of less NaN.
FERRY_INLINE F32 log(F32 x) {
  const Mask tiny = lt(x, splat(1.17549435e-38f));  // subnormal: into the normal range
  const I32 b = bits(select(tiny, x * splat(33554432.0f), x));
  F32 e = to_f32(shr<23>(b) - splat_i(127)) - select(tiny, splat(25.0f), zero());
  F32 m = from_bits((b & splat_i(0x007fffff)) | splat_i(0x3f800000));
  const Mask high = gt(m, splat(1.41421356f));
  m = select(high, m * splat(0.5f), m);
  e = select(high, e + splat(1.0f), e);
  const F32 f = m - splat(1.0f), s = f * f;
  // (log(1 + f) - f + f^2 / 2) / f^3 on [-0.293, 0.414], within 6e-9 / f^2.
  F32 p = splat(-0.0786545202f);
  p = fma(p, f, splat(0.128792062f));
  p = fma(p, f, splat(-0.131252974f));
  p = fma(p, f, splat(0.141814187f));
  p = fma(p, f, splat(-0.166249692f));
  p = fma(p, f, splat(0.200022832f));
  p = fma(p, f, splat(-0.250007957f));
  p = fma(p, f, splat(0.333333164f));
  // ln 2 in two parts, as in exp.
  F32 r = fma(p * f, s, e * splat(-2.12194440e-4f));
  r = fma(s, splat(-0.5f), r) + f;
  r = fma(e, splat(0.693359375f), r);
  const F32 infinity = from_bits(splat_i(0x7f800000));
  r = select(eq(x, infinity), x, r);
  r = select(eq(x, zero()), -infinity, r);
  return select(lt(x, zero()), from_bits(splat_i(0x7fc00000)), select(is_nan(x), x, r));
}

// log(1 + u) for u >= 0; what 1 + u rounds away is put back.
FERRY_INLINE F32 log1p(F32 u) {
  const F32 w = splat(1.0f) + u, d = w - splat(1.0f);
  return select(eq(d, zero()), u, log(w) * (u / d));
}

FERRY_INLINE F32 softplus(F32 x) { return max(zero(), x) + log1p(exp(-abs(x))); }

// x tanh(softplus(x)), as x n / (n + 2) with n = e^x (e^x + 2).
FERRY_INLINE F32 mish(F32 x) {
  const F32 e = exp(min(splat(20.0f), x)), n = e * (e + splat(2.0f));
  return select(gt(x, splat(20.0f)), x, x * (n / (n + splat(2.0f))));
}

// Where sine and cosine are accurate; their reduction needs an fma that rounds once.
inline constexpr float kTrigonometricLimit = 1e5f;

// Sine of x plus `quarters` right angles.
FERRY_INLINE F32 sine_from(F32 x, int quarters) {
  const F32 n = round(x * splat(0.636619772f));
  // pi / 2 in three parts.
  F32 r = fnma(n, splat(1.57079637f), x);
  r = fnma(n, splat(-4.37113883e-8f), r);
  r = fnma(n, splat(-1.71512451e-15f), r);
  const F32 s = r * r;
  F32 p = splat(2.71835029e-06f);
  p = fma(p, s, splat(-0.000198393391f));
  p = fma(p, s, splat(0.00833332911f));
  p = fma(p, s, splat(-0.166666672f));
  const F32 sine = fma(p * s, r, r);
  F32 q = splat(2.44394832e-05f);
  q = fma(q, s, splat(-0.00138873782f));
  q = fma(q, s, splat(0.0416666456f));
  const F32 cosine = fma(q * s, s, fma(s, splat(-0.5f), splat(1.0f)));
  const I32 turn = to_i32(n) + splat_i(quarters);
  const F32 y = select(eq(turn & splat_i(1), splat_i(0)), sine, cosine);
  return from_bits(bits(y) ^ shl<30>(turn & splat_i(2)));
}

}  // namespace ferry::FERRY_ISA
