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

// Adding it rounds to a whole number, which then stands in the lowest bits.
inline constexpr float kRounder = 0x1.8p23f;
// 2^n from n + kRounder + 127.
FERRY_INLINE F32 power_in(F32 sum) { return from_bits(shl<23>(bits(sum))); }

// e^x 2^kUp = power (1 + w), for x whose power stays among the normal numbers.
struct ScaledExp {
  F32 w, power;
};
template <int kUp = 0>
FERRY_INLINE ScaledExp scaled_exp(F32 x) {
  const F32 up = splat(kRounder + 127 + kUp), sum = fma(x, splat(1.44269504f), up), n = sum - up;
  const F32 r = fnma(n, splat(0.693359375f), x);
  return {exp_of_rest(fnma(n, splat(-2.12194440e-4f), r), n).w, power_in(sum)};
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

// The same for x <= 0, or a little above.
FERRY_INLINE F32 exp_of_negative(F32 x) {
  const Exp e = exp_parts(max(splat(kExpZero), x));
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

// 1 / (1 + e^-x) times 2^-64 above and below, so that small results are reached. Times 1.5 too: of
// the sums of 1 and a power of two then none is halfway between floats.
FERRY_INLINE F32 sigmoid(F32 x) {
  const ScaledExp e = scaled_exp<-64>(-min(splat(30.0f), max(splat(kExpZero), x)));
  const F32 one = splat(0x1.8p-64f), power = from_bits(bits(e.power) | splat_i(0x400000));
  return one / fma_once(power, e.w, one + power);
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
// overflows, and the product with x comes before the quotient. kWhole: with what that product has
// lost, where the exponent is a rounded product itself.
inline constexpr float kNear = 128.0f;
template <bool kWhole = false>
FERRY_INLINE F32 times_sigmoid(F32 x, F32 v, Exp parts) {
  const F32 one = splat(1.0f), down = splat(0x1p-64f);
  const F32 up = from_bits(shl<23>(trunc_i32(parts.n) + splat_i(127 + 64))), power = up * down;
  const F32 e = fma(power, parts.w, power), d = one + e, lost = e - (d - one);
  const F32 s = x * up;
  const Mask below = lt(v, zero());
  const F32 c = select(below, fma_once(s, parts.w, s), x), t = c / d;
  F32 left = fnma_once(t, d, c);
  if constexpr (kWhole) left = left + fma_once(s, parts.w, s - c);
  // What the sum and the quotient have lost, times 1 / d or so.
  const F32 low = fnma(t, lost, left) * fnma(e, splat(0.5f), one);
  return select(below, (t + low) * down, t);
}

// x sigmoid(x) = x / (1 + e^-x). Below 0 the sum is scaled by 2^-64, so that it does not overflow
// before the result is 0, beyond -112. From 80 on the result is x.
FERRY_INLINE F32 swish(F32 x) {
  const F32 from = max(splat(-112.0f), x);
  const Mask below = lt(from, zero());
  const F32 one = select(below, splat(0x1p-64f), splat(1.0f));
  const F32 up = select(below, splat(kRounder + 127 - 64), splat(kRounder + 127));
  const F32 a = min(splat(80.0f), from), sum = fnma(a, splat(1.44269504f), up), n = sum - up;
  const F32 r = fnma(n, splat(-2.12194440e-4f), -fma(n, splat(0.693359375f), a));
  const F32 w = exp_of_rest(r, n).w, power = power_in(sum);
  // What is lost of 1 + 2^24 is a unit in the last place of what is less than 2^24.
  const F32 whole = one + power, lost = one - (whole - power);
  return from / (whole + fma_once(power, w, lost)) * one;
}

// x sigmoid(alpha x) for alpha >= 2^-16; `least` is -kNear / alpha.
FERRY_INLINE F32 swish(F32 x, F32 alpha, F32 least) {
  const F32 a = max(least, negative_abs(x)), v = a * alpha;
  return times_sigmoid<true>(max(least, x), x, exp_parts(v, fms_once(a, alpha, v)));
}

// x sigmoid(alpha x) for alpha >= 0; `least` is kProductZero / alpha, or the least float.
FERRY_INLINE F32 far_swish(F32 x, F32 alpha, F32 least) {
  const F32 a = max(least, negative_abs(x)), v = a * alpha;
  return times_far_sigmoid(max(least, x), x, exp_parts(v, fms_once(a, alpha, v)));
}

// copysign of a magnitude that has no sign.
FERRY_INLINE F32 take_sign(F32 magnitude, F32 sign) {
  return from_bits(bits(magnitude) | (bits(sign) & splat_i(INT32_MIN)));
}

// (1 - e) / (1 + e) with e = e^-2|x|.
FERRY_INLINE F32 tanh(F32 x) {
  const F32 a = max(splat(-9.5f), negative_abs(x)), one = splat(1.0f);
  const ScaledExp e = scaled_exp(a + a);
  const F32 y = fnma(e.power, e.w, one - e.power) / fma(e.power, e.w, one + e.power);
  return take_sign(y, x);
}

// 1 - e^-k with k = -log(1 - erf(a)).
FERRY_INLINE F32 erf(F32 x) {
  const F32 a = min(splat(4.0f), abs(x));
  // k / a - c for a <= 4, within 2^-30 of the result.
  constexpr float c = 1.12837923f;
  F32 q = splat(1.43571629e-06f);
  q = fma(q, a, splat(-2.36587275e-05f));
  q = fma(q, a, splat(0.000176294561f));
  q = fma(q, a, splat(-0.000758192677f));
  q = fma(q, a, splat(0.00181879464f));
  q = fma(q, a, splat(-0.000265158917f));
  q = fma(q, a, splat(-0.0191136971f));
  q = fma(q, a, splat(0.102770664f));
  q = fma(q, a, splat(0.636619866f));
  q = fma(q, a, splat(-5.91614508e-08f));
  const ScaledExp e = scaled_exp(-fma_once(splat(c), a, q * a));
  return take_sign(fnma(e.power, e.w, splat(1.0f) - e.power), x);
}

// Below it gelu needs kFar.
inline constexpr float kGeluFar = -4.5f;

// x / 2 (1 + erf(x / sqrt 2)) = max(x, 0) - t, where t = a / 2 erfc(a / sqrt 2) = a e^-E with
// a = |x| and 2 E = a^2 + a - v + 2 ln 2. So that no digit of t is lost, a^2 and what follows the
// power of two are carried in two parts. All exponents are doubled, for what a halving costs.
template <bool kFar>
FERRY_INLINE F32 gelu(F32 x) {
  // Beyond these t is nothing beside x, or zero.
  F32 from = min(splat(5.75f), x);
  if constexpr (kFar) from = max(splat(-14.5f), from);
  const F32 a = abs(from), square = a * a, square_low = fms_once(a, a, square);
  // v = p c + rest, within 2^-28 of t for a <= 4.5.
  F32 c = a - splat(2.5625f), rest = splat(-0.0045011933f), linear = a;
  F32 p = splat(6.21715701e-09f);
  p = fma(p, c, splat(-2.76280296e-08f));
  p = fma(p, c, splat(4.01770066e-08f));
  p = fma(p, c, splat(1.85798157e-07f));
  p = fma(p, c, splat(-4.02939531e-06f));
  p = fma(p, c, splat(4.10293687e-05f));
  p = fma(p, c, splat(-0.000318732869f));
  p = fma(p, c, splat(0.00216809707f));
  p = fma(p, c, splat(-0.0137381088f));
  p = fma(p, c, splat(0.0863462687f));
  p = fma(p, c, splat(0.365466803f));
  if constexpr (kFar) {
    // Of a in [4.5, 14.5]: 2 E = a^2 + a / 4 - q + 6 ln 2, within 2^-27 of t.
    const Mask far = lt(x, splat(kGeluFar));
    const F32 u = (a - splat(10.0f)) / (a + splat(10.0f));
    F32 q = splat(2.32448792f);
    q = fma(q, u, splat(4.44816399f));
    q = fma(q, u, splat(4.84550524f));
    q = fma(q, u, splat(4.76752234f));
    q = fma(q, u, splat(4.46316624f));
    q = fma(q, u, splat(4.7565074f));
    q = fma(q, u, splat(3.8688364f));
    q = fma(q, u, splat(4.85443068f));
    q = fma(q, u, splat(1.0762707f));
    q = fma(q, u, splat(0.19631277f));
    p = select(far, q, p), c = select(far, splat(1.0f), c), rest = select(far, zero(), rest);
    linear = select(far, a * splat(0.25f), a);
  }
  // t = a / 2 e^r 2^n, times 2^64: it is less than a normal number far out.
  const F32 up = splat(kRounder + 127 + 62);
  const F32 sum = fma(fnma(p, c, square + linear), splat(-0.72134752f), up), n = sum - up;
  F32 quarter = power_in(sum);
  if constexpr (kFar) quarter = select(lt(x, splat(kGeluFar)), quarter * splat(0.25f), quarter);
  // 2 r + low.
  const F32 whole = fma_once(n, splat(2 * -0.693359375f), -square) - linear;
  const F32 sums = whole + (fma(n, splat(2 * 2.12194440e-4f), rest) - square_low);
  const F32 r = fma_once(p, c, sums), low = fma_once(p, c, sums - r);
  // As in exp_of_rest.
  F32 h = splat(0.0013863427f / 32);
  h = fma(h, r, splat(0.008367435f / 16));
  h = fma(h, r, splat(0.04166724f / 8));
  h = fma(h, r, splat(0.16666535f / 4));
  h = fma(h, r, splat(0.5f / 2));
  const F32 s = a * quarter, twice_w = fma_once(h * r, r, low) + r;
  return fnma_once(fma_once(s, twice_w, s + s), splat(0x1p-64f), max(zero(), x));
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

// asin(x) / x - 1 for x^2 = z <= 1 / 4, within 2^-27. Beyond 1 / 2 the angle is taken from its
// other end, of whose half the sine is the root of (1 - |x|) / 2.
FERRY_INLINE F32 asin_excess(F32 z) {
  F32 p = splat(0.0421582982f);
  p = fma(p, z, splat(0.0241847802f));
  p = fma(p, z, splat(0.0454691499f));
  p = fma(p, z, splat(0.0749530941f));
  p = fma(p, z, splat(0.166667521f));
  return p * z;
}
inline constexpr float kHalfPi = 1.57079637f, kHalfPiRest = -4.37113883e-8f;

FERRY_INLINE F32 asin(F32 x) {
  const F32 a = abs(x), half = splat(0.5f);
  const Mask far = gt(a, half);
  const F32 z = select(far, fnma(a, half, half), a * a);
  const F32 y = select(far, splat(-2.0f) * sqrt(z), a);
  // Half of pi in two parts of which the first makes no sum round above 1.
  const F32 high = select(far, splat(1.0f), zero());
  const F32 low = select(far, splat(kHalfPi - 1), zero());
  return take_sign((high + y) + fma(y, asin_excess(z), low), x);
}

FERRY_INLINE F32 acos(F32 x) {
  const F32 a = abs(x), half = splat(0.5f), one = splat(1.0f);
  const Mask far = gt(a, half);
  const F32 z = select(far, fnma(a, half, half), a * a), root = sqrt(z);
  const F32 y = select(far, take_sign(root + root, x), -x);
  const F32 right_angles = select(gt(x, half), zero(), select(lt(x, -half), splat(2.0f), one));
  return fma(right_angles, splat(kHalfPi), y) +
         fma(y, asin_excess(z), right_angles * splat(kHalfPiRest));
}

// Beyond 1 as pi / 2 - atan(1 / x).
FERRY_INLINE F32 atan(F32 x) {
  const F32 a = abs(x), one = splat(1.0f);
  const Mask far = gt(a, one);
  const F32 t = select(far, -one, a) / select(far, a, one), z = t * t;
  // (atan(t) / t - 1) / z, within 2^-28 of atan(t).
  F32 p = splat(-0.00178307458f);
  p = fma(p, z, splat(0.0108698746f));
  p = fma(p, z, splat(-0.0310991239f));
  p = fma(p, z, splat(0.0578832775f));
  p = fma(p, z, splat(-0.0839939192f));
  p = fma(p, z, splat(0.109508991f));
  p = fma(p, z, splat(-0.142640173f));
  p = fma(p, z, splat(0.199985296f));
  p = fma(p, z, splat(-0.333332986f));
  const F32 high = select(far, splat(kHalfPi), zero());
  const F32 low = select(far, splat(kHalfPiRest), zero());
  return take_sign((high + t) + fma(p * z, t, low), x);
}

// Where the exponential of a quarter's size still is a float: beyond, both are infinite.
inline constexpr float kSinhLimit = 89.7f;

// (m + m / (m + 1)) / 2 with m = e^|x| - 1; near zero three terms of the series.
FERRY_INLINE F32 sinh(F32 x) {
  const F32 a = min(splat(kSinhLimit), abs(x)), s = x * x;
  const ScaledExp e = scaled_exp<-2>(a);
  const F32 m = fma(e.power, e.w, e.power - splat(0.25f)), d = fma(e.power, e.w, e.power);
  const F32 large = fma(splat(2.0f), m, splat(0.5f) * (m / d));
  const F32 p = fma(fma(splat(1.0f / 5040), s, splat(1.0f / 120)), s, splat(1.0f / 6));
  return select(lt(a, splat(0.5f)), fma_once(p * s, x, x), take_sign(large, x));
}

FERRY_INLINE F32 cosh(F32 x) {
  const ScaledExp e = scaled_exp<-2>(min(splat(kSinhLimit), abs(x)));
  const F32 quarter = fma(e.power, e.w, e.power);
  return fma(splat(2.0f), quarter, splat(0.125f) / quarter);
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
