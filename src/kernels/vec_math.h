// SPDX-License-Identifier: Apache-2.0
// Elementary functions on vectors, for `_isa.cc` files. Polynomials are minimax fits of our own;
// the bounds beside them are of the approximation, before rounding. NaN stays NaN everywhere.
#pragma once

#include "kernels/vec.h"

namespace ferry::FERRY_ISA {

// a b + c rounded once, or as good as that, also where the `scalar` set has no such instruction:
// for what a product rounds away, for sums that cancel, and for products smaller than normal
// numbers.
#if FERRY_ISA_LEVEL == 0 && !defined(__FP_FAST_FMAF)
FERRY_INLINE F32 fma_once(F32 a, F32 b, F32 c) {
  Float4 r;
  FERRY_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    const double product = static_cast<double>(a.v[i]) * static_cast<double>(b.v[i]);
    r[i] = static_cast<float>(product + static_cast<double>(c.v[i]));
  }
  return {r};
}
FERRY_INLINE F32 fnma_once(F32 a, F32 b, F32 c) { return fma_once(-a, b, c); }
FERRY_INLINE F32 fms_once(F32 a, F32 b, F32 c) { return fma_once(a, b, -c); }
#else
FERRY_INLINE F32 fma_once(F32 a, F32 b, F32 c) { return fma(a, b, c); }
FERRY_INLINE F32 fnma_once(F32 a, F32 b, F32 c) { return fnma(a, b, c); }
FERRY_INLINE F32 fms_once(F32 a, F32 b, F32 c) { return fms(a, b, c); }
#endif

// e^x = (1 + w) 2^n, w in [-0.3, 0.42] and accurate relative to itself.
struct Exp {
  F32 w, n;
};

// Of r + n ln 2, where |r| <= ln(2) / 2.
FERRY_INLINE Exp exp_of_rest(F32 r, F32 n) {
  // (e^r - 1 - r) / r^2, within 4e-9 of e^r.
  F32 p = splat(0.0013863427f);
  p = fma(p, r, splat(0.008367435f));
  p = fma(p, r, splat(0.04166724f));
  p = fma(p, r, splat(0.16666535f));
  p = fma(p, r, splat(0.5f));
  return {fma_once(p * r, r, r), n};
}
// For |x| small enough that n stays an integer.
FERRY_INLINE Exp exp_parts(F32 x) {
  const F32 n = round(x * splat(1.44269504f));
  // ln 2 in two parts: the first has few bits, so n times it is exact.
  const F32 r = fnma(n, splat(0.693359375f), x);
  return exp_of_rest(fnma(n, splat(-2.12194440e-4f), r), n);
}
// Of x + low, where low is what a rounding took from x.
FERRY_INLINE Exp exp_parts(F32 x, F32 low) {
  const F32 n = round(x * splat(1.44269504f));
  const F32 r = fnma(n, splat(0.693359375f), x);
  return exp_of_rest(r + fnma(n, splat(-2.12194440e-4f), low), n);
}
FERRY_INLINE F32 negative_abs(F32 x) { return from_bits(bits(x) | splat_i(INT32_MIN)); }
FERRY_INLINE F32 pow2(F32 n) { return scale_pow2(splat(1.0f), n); }

// Below this e^x is 0 even among the subnormals.
inline constexpr float kExpZero = -104.5f;
// Below this y e^x is 0 for |y| up to 2^100, and scale_pow2 still takes the exponent.
inline constexpr float kProductZero = -174.0f;
inline constexpr float kLeastFloat = -0x1.fffffep127f;

// e^x. Overflows to infinity, underflows through subnormals to zero.
FERRY_INLINE F32 exp(F32 x) {
  // Beyond these the result is 0 or infinity all the same, and n stays in range.
  const Exp e = exp_parts(min(splat(89.0f), max(splat(kExpZero), x)));
  return scale_pow2(e.w + splat(1.0f), e.n);
}

// e^x - 1 for x <= 0.
FERRY_INLINE F32 expm1_negative(F32 x) {
  const Exp e = exp_parts(max(splat(kExpZero), x));
  const F32 power = pow2(e.n);
  return fma(power, e.w, power - splat(1.0f));
}

// high + low, where low is what rounding took from high.
struct Pair {
  F32 high, low;
};
FERRY_INLINE Pair product(float a, float b) {
  const F32 high = splat(a) * splat(b);
  return {high, fms_once(splat(a), splat(b), high)};
}
FERRY_INLINE Pair expm1_pair(F32 x) {
  const Exp e = exp_parts(max(splat(kExpZero), x));
  const F32 power = pow2(e.n), rest = power - splat(1.0f);
  const F32 high = fma(power, e.w, rest);
  return {high, fma(power, e.w, rest - high)};
}

// factor (e^x - 1) for x <= 0.
FERRY_INLINE F32 scaled_expm1(Pair factor, F32 x) {
  const Pair y = expm1_pair(x);
  return fma_once(factor.high, y.high, fma(factor.high, y.low, factor.low * y.high));
}

// x, or alpha (e^(x / alpha) - 1) below 0, for alpha > 0.
FERRY_INLINE F32 celu(F32 x, float alpha) {
  // Beyond the first of these nothing changes; up to the second x is as near as can be.
  const F32 least = splat(larger(kExpZero * alpha, kLeastFloat)),
            near_zero = splat(alpha * -0x1p-26f);
  const F32 factor = splat(alpha), from = max(least, x), t = from / factor;
  // factor times what rounding took from t, times e^t.
  const F32 left = fnma_once(t, factor, from);
  const Pair y = expm1_pair(t);
  const F32 low = fma(factor, y.low, fma(left, y.high, left));
  return select(lt(x, near_zero), fma_once(factor, y.high, low), x);
}

// From e^-|x| = power (1 + w): as t = 1 / (1 + e^-|x|), or as (1 + w) power t below zero, so that
// small results keep their digits.
FERRY_INLINE F32 sigmoid(F32 x) {
  const Exp e = exp_parts(max(splat(kExpZero), negative_abs(x)));
  const F32 one = splat(1.0f), power = pow2(e.n);
  const F32 small = fma(power, e.w, power), d = one + small;
  // What the sum has lost, times 1 / d or so.
  const F32 lost = small - (d - one), t = one / d, u = power * t;
  return select(lt(x, zero()), fma_once(u, fnma(lost, splat(0.7f), e.w), u), t);
}

// x sigmoid(v) from e = e^-|v|: x / (1 + e), below zero times e. The power of two of e comes last:
// e may vanish where the product does not.
FERRY_INLINE F32 times_far_sigmoid(F32 x, F32 v, Exp parts) {
  const F32 one = splat(1.0f), e = scale_pow2(one + parts.w, parts.n), d = one + e;
  // What the sum and the quotient have lost, times 1 / d or so.
  const F32 lost = e - (d - one), t = x / d;
  const F32 low = fnma(t, lost, fnma_once(t, d, x)) * fnma(e, splat(0.5f), one);
  return select(lt(v, zero()), scale_pow2(t + fma_once(t, parts.w, low), parts.n), t);
}

// The same for |v| <= kNear and |x| < 2^64 below zero: there e times 2^64 neither vanishes nor
// overflows, and the product with x comes before the quotient.
inline constexpr float kNear = 128.0f;
FERRY_INLINE F32 times_sigmoid(F32 x, F32 v, Exp parts) {
  const F32 one = splat(1.0f), down = splat(0x1p-64f);
  const F32 up = from_bits(shl<23>(trunc_i32(parts.n) + splat_i(127 + 64))), power = up * down;
  const F32 e = fma(power, parts.w, power), d = one + e, lost = e - (d - one);
  const F32 s = x * up;
  const Mask below = lt(v, zero());
  const F32 c = select(below, fma_once(s, parts.w, s), x), t = c / d;
  // What the sum and the quotient have lost, times 1 / d or so.
  const F32 low = fnma(t, lost, fnma_once(t, d, c)) * fnma(e, splat(0.5f), one);
  return select(below, (t + low) * down, t);
}

// x sigmoid(x). Beyond -112 the result is 0 all the same.
FERRY_INLINE F32 swish(F32 x) {
  const F32 least = splat(-112.0f), from = max(least, x);
  return times_sigmoid(from, from, exp_parts(max(least, negative_abs(x))));
}

// x sigmoid(alpha x) for alpha >= 2^-16; `least` is -kNear / alpha.
FERRY_INLINE F32 swish(F32 x, F32 alpha, F32 least) {
  const F32 a = max(least, negative_abs(x)), v = a * alpha;
  return times_sigmoid(max(least, x), x, exp_parts(v, fms_once(a, alpha, v)));
}

// x sigmoid(alpha x) for alpha >= 0; `least` is kProductZero / alpha, or the least float.
FERRY_INLINE F32 far_swish(F32 x, F32 alpha, F32 least) {
  const F32 a = max(least, negative_abs(x)), v = a * alpha;
  return times_far_sigmoid(max(least, x), x, exp_parts(v, fms_once(a, alpha, v)));
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
  return fma_once(p, x, x);
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

// x / 2 (1 + erf(x / sqrt 2)) = max(x, 0) - a / 2 erfc(a / sqrt 2) with a = |x|. The tail is
// e^(-a a / 2) g p(g) for g = a / (a + 2.75), so that it keeps its digits however far out. Near
// zero a polynomial of x^2 does better.
FERRY_INLINE F32 gelu(F32 x) {
  const F32 a = min(splat(15.0f), abs(x));
  const F32 square = a * a, low = fms_once(a, a, square);
  const Exp e = exp_parts(square * splat(-0.5f), low * splat(-0.5f));
  const F32 d = a + splat(2.75f), lost = a - (d - splat(2.75f));
  const F32 g = a / d, u = g - splat(0.3671875f);
  // (a + 2.75) / 2 erfc(a / sqrt 2) e^(a a / 2) for a in [0.5, 15], within 6e-9 of itself.
  F32 p = splat(-0.104202092f);
  p = fma(p, u, splat(0.0688308924f));
  p = fma(p, u, splat(0.146427915f));
  p = fma(p, u, splat(-0.0255201831f));
  p = fma(p, u, splat(-0.288237095f));
  p = fma(p, u, splat(0.0177232046f));
  p = fma(p, u, splat(0.752651274f));
  p = fma(p, u, splat(-1.14686668f));
  const F32 rest = p, first = splat(0.858076513f);
  p = fma(p, u, first);
  const F32 low_p = fma_once(rest, u, first - p);
  // What rounding took from t: in the product, in p, and in g, whose remainder t follows with a
  // slope by g of about p (0.39 p - 0.21).
  const F32 t = g * p, slope = fma(p, splat(0.39f), splat(-0.21f));
  const F32 low_g = fnma(g, lost, fnma_once(g, d, a));
  const F32 low_t = fma(low_g, p * slope, fma(g, low_p, fms_once(g, p, t)));
  const F32 y = max(zero(), x) - scale_pow2(t + fma_once(t, e.w, low_t), e.n);
  // erf(x / sqrt 2) / (2 x) for |x| <= 0.51, within 2e-8.
  F32 q = splat(-0.0010971156f);
  q = fma(q, square, splat(0.0099521605f));
  q = fma(q, square, splat(-0.06648879f));
  q = fma(q, square, splat(0.39894226f));
  return select(lt(a, splat(0.5f)), fma(square, q, x * splat(0.5f)), y);
}

// The tanh form of gelu: x / 2 (1 + tanh(v / 2)) = x sigmoid(v), v = c x + d x^3. Far out v is
// large, and what its roundings take away is carried along.
FERRY_INLINE F32 gelu_tanh(F32 x) {
  // c has few bits, so that c - s below is exact; the rest of it and of d are apart. Signs are
  // those of -|v|.
  constexpr float kC = -0x1.9884000000000p+0f, kCRest = -4.961449576512678e-06f,
                  kD = -0.07135481387376785f, kDRest = -2.3988324659995897e-09f;
  const F32 a = min(splat(11.0f), abs(x));
  const F32 square = a * a, square_low = fms_once(a, a, square);
  const F32 s = fma(splat(kD), square, splat(kC));
  const F32 rest = fma(splat(kDRest), square, splat(kCRest));
  F32 low = fma_once(splat(kD), square, splat(kC) - s) + fma(splat(kD), square_low, rest);
  const F32 v = s * a;
  low = fma(low, a, fms_once(s, a, v));
  return times_sigmoid(max(splat(-11.0f), x), x, exp_parts(v, low));
}

// log(1 + f) + low for f in [-0.293, 0.414].
FERRY_INLINE F32 log_of_mantissa(F32 f, F32 low) {
  const F32 s = f * f;
  // (log(1 + f) - f + f^2 / 2) / f^3, within 6e-9 / f^2.
  F32 p = splat(-0.0786545202f);
  p = fma(p, f, splat(0.128792062f));
  p = fma(p, f, splat(-0.131252974f));
  p = fma(p, f, splat(0.141814187f));
  p = fma(p, f, splat(-0.166249692f));
  p = fma(p, f, splat(0.200022832f));
  p = fma(p, f, splat(-0.250007957f));
  p = fma(p, f, splat(0.333333164f));
  return fma(s, splat(-0.5f), fma(p * f, s, low)) + f;
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
  // ln 2 in two parts, as in exp.
  F32 r = log_of_mantissa(m - splat(1.0f), e * splat(-2.12194440e-4f));
  r = fma(e, splat(0.693359375f), r);
  const F32 infinity = from_bits(splat_i(0x7f800000));
  r = select(eq(x, infinity), x, r);
  r = select(eq(x, zero()), -infinity, r);
  return select(lt(x, zero()), from_bits(splat_i(0x7fc00000)), select(is_nan(x), x, r));
}

// log(1 + u) for u in [0, 1]. 1 + u is never formed: its mantissa less 1 is u or (u - 1) / 2.
FERRY_INLINE F32 log1p_unit(F32 u) {
  const Mask high = gt(u, splat(0.414213562f));
  const F32 f = select(high, fms(u, splat(0.5f), splat(0.5f)), u);
  const F32 r = log_of_mantissa(f, select(high, splat(-2.12194440e-4f), zero()));
  return r + select(high, splat(0.693359375f), zero());
}

FERRY_INLINE F32 softplus(F32 x) {
  const Exp e = exp_parts(max(splat(kExpZero), negative_abs(x)));
  return max(zero(), x) + log1p_unit(scale_pow2(splat(1.0f) + e.w, e.n));
}

// x tanh(softplus(x)) = x - 2 x / d = e (x - x (e + e^2) / d), with e = e^x and d = e^2 + 2 e + 2.
// The first for x that is not small, and the second with the power of two of e last: it may vanish
// where the product does not. Both in z = e - 1, which keeps its digits around zero.
FERRY_INLINE F32 mish(F32 x) {
  const F32 from = max(splat(kProductZero), x);
  const Exp parts = exp_parts(min(splat(20.0f), from));
  const F32 power = pow2(parts.n), z = fma(power, parts.w, power - splat(1.0f));
  const Mask large = gt(x, splat(-0.34f));
  // Times 3 / 4: d is 4 to 5 where the error is largest, and what is below 4 rounds half as much.
  const F32 d = fma_once(z, fma(z, splat(0.75f), splat(3.0f)), splat(3.75f));
  const F32 e = fma(power, parts.w, power);
  const F32 three_quarters = power * splat(0.75f),
            part = fma(three_quarters, parts.w, three_quarters);
  const F32 q = select(large, splat(1.5f), fma_once(part, e, part)) / d;
  const F32 t = fnma_once(from, q, from), low = fnma_once(from, q, from - t);
  const F32 y = select(large, t, scale_pow2(t + fma(t, parts.w, low), parts.n));
  return select(gt(x, splat(20.0f)), x, y);
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
