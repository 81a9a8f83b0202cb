// SPDX-License-Identifier: Apache-2.0
// Functions of one double within two units in the last place, in the manner of double_math.h.
// Polynomials are fits of our own.
#pragma once

#include "kernels/functions/twofold.h"

namespace ferry::FERRY_ISA {

FERRY_INLINE double sqrt_double(double x) { return __builtin_sqrt(x); }
FERRY_INLINE double reciprocal_double(double x) { return 1 / x; }
FERRY_INLINE double floor_double(double x) { return __builtin_floor(x); }
FERRY_INLINE double ceil_double(double x) { return __builtin_ceil(x); }
FERRY_INLINE double round_double(double x) { return __builtin_nearbyint(x); }
FERRY_INLINE double clip_double(double x, double p, double q) {
  const double low = x < p ? p : x;
  return low > q ? q : low;
}
FERRY_INLINE double leaky_relu_double(double x, double p) { return x < 0 ? p * x : x; }
FERRY_INLINE double thresholded_relu_double(double x, double p) { return x > p ? x : 0.0; }
FERRY_INLINE double shrink_double(double x, double p, double q) {
  const double above = x > p ? x - q : 0.0;
  return x < -p ? x + q : above;
}
FERRY_INLINE double hard_sigmoid_double(double x, double p, double q) {
  return clip_double(rounded_once(x, p, q), 0, 1);
}
FERRY_INLINE double hard_swish_double(double x) {
  return x * hard_sigmoid_double(x, static_cast<double>(1.0f / 6), 0.5);
}
FERRY_INLINE double softsign_double(double x) { return x / (1 + __builtin_fabs(x)); }

FERRY_INLINE double sin_double(double x) { return sine_double(x, 0); }
FERRY_INLINE double cos_double(double x) { return sine_double(x, 1); }
FERRY_INLINE double far_sin(double x) { return __builtin_sin(x); }
FERRY_INLINE double far_cos(double x) { return __builtin_cos(x); }
FERRY_INLINE double far_tan(double x) { return __builtin_tan(x); }

FERRY_INLINE double sigmoid_double(double x) {
  const double e = exp_of_minus(x);
  return quotient({x < 0 ? e : 1.0, kNothing}, ordered_sum(1, e));
}

// x / (1 + e^-v).
FERRY_INLINE double times_sigmoid(double x, Twofold v) {
  const bool falls = v.high < 0, far = v.high < kNoPower;
  const double a = -__builtin_fabs(v.high), low = falls ? v.low : -v.low;
  const Exponential e = exponential(a < kNoPower ? kNoPower : a, far ? 0.0 : low);
  const PowerOfTwo power = e.power();
  const double n = falls ? fma_double(x, e.rest, x) : x;
  const double n_low = fma_double(x, e.low, fma_double(x, e.rest, x - n));
  const double y =
      quotient({n, falls ? n_low : kNothing}, ordered_sum(1, scaled(1 + e.rest, power)));
  const PowerOfTwo scale = {falls ? power.half : 1.0, falls ? power.rest : 1.0};
  return v.high > 50 ? x : __builtin_copysign(scaled(y, scale), x);
}
// The same of v = x: fewer steps, for the same bound.
FERRY_INLINE double silu_double(double x) {
  const bool falls = x < 0;
  const double a = -__builtin_fabs(x);
  const Exponential e = exponential(a < kNoPower ? kNoPower : a);
  const PowerOfTwo power = e.power();
  const double n = scaled(fma_double(x, e.rest, x), power);
  const double y = quotient({falls ? n : x, kNothing}, ordered_sum(1, scaled(1 + e.rest, power)));
  return x > 50 ? x : __builtin_copysign(y, x);
}

FERRY_INLINE double swish_double(double x, double alpha) {
  return times_sigmoid(x, exact_product(x, alpha));
}

FERRY_INLINE double gelu_tanh_double(double x) {
  // v = c x + d x^3; beyond 64 nothing changes.
  constexpr double kC = 0x1.9884533d43651p+0, kCRest = -0x1.cbc0d30ebfd15p-54,
                   kD = 0x1.2444f2a4d8b4bp-4, kDRest = -0x1.6c843a29d1c7p-61;
  const double most = x > 64 ? 64.0 : x, at = most < -64 ? -64.0 : most;
  const Twofold square = exact_product(at, at), cubic = exact_product(square.high, kD);
  const Twofold sum = exact_sum(kC, cubic.high), v = exact_product(at, sum.high);
  const double rest = fma_double(square.high, kDRest, fma_double(square.low, kD, kCRest));
  return times_sigmoid(x, {v.high, fma_double(at, sum.low + (cubic.low + rest), v.low)});
}

// 1 / sqrt(2 pi)
inline constexpr double kNormal = 0x1.9884533d43651p-2, kNormalRest = -0x1.cbc0d30ebfd15p-56;

// times e^-(a^2 / 2) / (a + s(a)), that is times sqrt(2 pi) times the normal distribution's part
// beyond a >= 0; half_square is a^2 / 2.
FERRY_INLINE double normal_tail(Twofold times, double a, Twofold half_square) {
  // s = p / q, within 2^-53 of a + s for a < 39.
  constexpr double p[] = {0x1.9884533d43651p-1, 0x1.f91930944e197p-1,  0x1.3f7153edf6b3p-1,
                          0x1.06500eb303441p-2, 0x1.2fb96f22c1b62p-4,  0x1.fe66a8ef711ddp-7,
                          0x1.365b5c9b16db8p-9, 0x1.07b08b88cd351p-12, 0x1.1d96b36cda1a8p-16,
                          0x1.2fedf1b68707bp-21},
                   q[] = {0x1p+0,
                          0x1.b11d0b3d62b73p+0,
                          0x1.6a75832638776p+0,
                          0x1.8475cf1bdbb03p-1,
                          0x1.24b15c5d4e0d8p-2,
                          0x1.42b40280b7202p-4,
                          0x1.07629b3945b45p-6,
                          0x1.3ad1b70e5995cp-9,
                          0x1.08e079888f0ccp-12,
                          0x1.1d96b36a38a04p-16,
                          0x1.2fedf1b6f8dafp-21};
  constexpr double kNumeratorRest = 2 * kNormalRest;  // of p[0]
  const double x = -half_square.high;
  const Exponential e = exponential(x < kNoPower ? kNoPower : x, -half_square.low);
  const double power = fma_double(times.high, e.rest, times.high);
  const double power_low = rounded_once(times.high, e.rest, times.high - power) + times.low;
  const Twofold above = twofold_polynomial(p, a), below = twofold_polynomial(q, a);
  const Twofold product = exact_product(a, below.high), sum = exact_sum(product.high, above.high);
  const double rest = fma_double(a, below.low, above.low + kNumeratorRest);
  const Twofold over = exact_product(power, below.high);
  const double over_low = fma_double(power, below.low, fma_double(power_low, below.high, over.low));
  const Twofold under = {sum.high, sum.low + (product.low + rest)};
  return scaled(quotient({over.high, over_low}, under), e.power());
}

// x / 2 (1 + erf(x / sqrt 2)) = max(x, 0) - |x| times the part beyond |x|.
FERRY_INLINE double gelu_double(double x) {
  const double a = __builtin_fabs(x), at = a > 64 ? 64.0 : a, base = x > 0 ? x : x * 0.0;
  const Twofold square = exact_product(at, at), times = exact_product(at, kNormal);
  const double tail = normal_tail({times.high, fma_double(at, kNormalRest, times.low)}, at,
                                  {0.5 * square.high, 0.5 * square.low});
  return base - (a < 64 ? tail : 0.0);
}

FERRY_INLINE double erf_double(double x) {
  constexpr double c[] = {0x1.20dd750429b6dp+0,   -0x1.812746b0379e6p-2,  0x1.ce2f21a042b3p-4,
                          -0x1.b82ce31284ep-6,    0x1.565bcd0dbaa38p-8,   -0x1.c02db3dac435fp-11,
                          0x1.f9a321d5b8e1ep-14,  -0x1.f4d1e3183f7aep-17, 0x1.b9df224ca4b97p-20,
                          -0x1.5f1ecb6f0764cp-23, 0x1.f7b4bf3b13964p-27,  -0x1.389d4f2641625p-30,
                          0x1.05ffd737fb32ep-34};
  const double a = __builtin_fabs(x), at = a > 6 ? 6.0 : a, square = x * x;
  const double far = 1 - normal_tail({2 * kNormal, 0}, at * 0x1.6a09e667f3bcdp+0, {at * at, 0});
  return a < 1 ? x * polynomial(c, square) : __builtin_copysign(far, x);
}

// x tanh(log(1 + e^x)) = x n / (n + 2) with n = e^x (e^x + 2), which is x less 2 x / (n + 2).
FERRY_INLINE double mish_double(double x) {
  const bool negative = x < 0;
  const double least = x < kNoPower ? kNoPower : x, at = least > 40 ? 40.0 : least;
  const Exponential e = exponential(at);
  const double power = e.value(), times = scaled(fma_double(x, e.rest, x), e.power());
  const Twofold more = ordered_sum(2, power), n = exact_product(times, more.high);
  const Twofold product = exact_product(power, more.high), d = ordered_sum(2, product.high);
  const double y = quotient(
      {negative ? n.high : 2 * at, negative ? fma_double(times, more.low, n.low) : kNothing},
      {d.high, d.low + fma_double(power, more.low, product.low)});
  return __builtin_copysign(negative ? y : x - y, x);
}

FERRY_INLINE double tanh_double(double x) {
  constexpr double c[] = {-0x1.5555555555555p-2,  0x1.1111111111032p-3,  -0x1.ba1ba1b9feb3cp-5,
                          0x1.664f48770be76p-6,   -0x1.226e32eebbb26p-7, 0x1.d6d338edc6017p-9,
                          -0x1.7d97cb7a94b76p-10, 0x1.34c57de48a611p-11, -0x1.ec0e9550d42c9p-13,
                          0x1.64f707d11ba4fp-14,  -0x1.59962093e21dp-16};
  const double a = __builtin_fabs(x), z = x * x;
  const double large = 1 - 2 / (1 + exp_double(2 * a));
  const double small = fma_double(a * z, polynomial(c, z), a);
  return __builtin_copysign(a < 0.55 ? small : large, x);
}

FERRY_INLINE double softplus_double(double x) {
  return (x > 0 ? x : 0.0) + log1p_unit(exp_of_minus(x));
}

// p (e^(x + x_low) - 1) for x < 0.
FERRY_INLINE double expm1_times(double p, double x, double x_low) {
  constexpr double c[] = {0x1p-1,
                          0x1.5555555555556p-3,
                          0x1.555555555554dp-5,
                          0x1.1111111110f35p-7,
                          0x1.6c16c16c1a795p-10,
                          0x1.a01a01a138c85p-13,
                          0x1.a01a0190dd4p-16,
                          0x1.71de35c29795ep-19,
                          0x1.27e50893a7f3ep-22,
                          0x1.ae75175d5ea87p-26,
                          0x1.1f32a34e9f9d5p-29,
                          0x1.4aa8a4e11b9f4p-33};
  const double v = x < -40 ? -40.0 : x, n = v > -0.5 ? 0.0 : whole_powers_of_two(v);
  const Exponential e = exponential_of(c, n, v, x < -40 ? 0.0 : x_low);
  const double power = power_of_two(n), less = power - 1, high = fma_double(power, e.rest, less);
  const double low = fma_double(power, e.low, fma_double(power, e.rest, less - high));
  return fma_double(p, low, p * high);
}

// The product of two floats is a double.
FERRY_INLINE double selu_double(double x, double p, double q) {
  return x < 0 ? expm1_times(p * q, x, kNothing) : q * x;
}
// p (e^(x / p) - 1) below 0.
FERRY_INLINE double celu_double(double x, double p) {
  const double inverse = 1 / p;
  const double v = x * inverse, y = expm1_times(p, v, remainder(x, v, p) * inverse);
  return v < -0x1p-54 ? y : x;
}

// What sinh and cosh of a >= 0 are sums of: with a = n ln 2 + r it is
// sinh a = 4 (odd cosh r + even sinh r), cosh a = 4 (even cosh r + odd sinh r).
struct Hyperbolic {
  double odd, even;   // (2^n - 2^-n) / 8, (2^n + 2^-n) / 8
  double cosh, sinh;  // of r; of cosh what is beyond 1
};
FERRY_INLINE Hyperbolic hyperbolic(double a) {
  // Taylor's series, whose next terms are below 1e-17 for r < 1.
  double factorial = 2, s[9], c[9];
  FERRY_UNROLL
  for (int i = 0; i < 9; ++i) {
    c[i] = 1 / factorial;
    s[i] = 1 / (factorial * (2 * i + 3));
    factorial *= (2 * i + 3) * (2 * i + 4);
  }
  const double v = a > 711 ? 711.0 : a;
  const double whole = fma_double(v, 0x1.71547652b82fep+0, kRounder) - kRounder;
  const double n = a < 1 ? 0.0 : whole;
  const double r = fma_double(-n, kLn2Rest, fma_double(-n, kLn2, v)), z = r * r;
  const double rise = power_of_two(n - 3), fall = power_of_two(-3 - (n > 64 ? 64.0 : n));
  return {rise - fall, rise + fall, z * polynomial(c, z), fma_double(r * z, polynomial(s, z), r)};
}
FERRY_INLINE double sinh_double(double x) {
  const double a = __builtin_fabs(x);
  const Hyperbolic h = hyperbolic(a);
  const double y = 4 * (h.odd + fma_double(h.odd, h.cosh, h.even * h.sinh));
  return a < 0x1p-27 ? x : __builtin_copysign(y, x);
}
FERRY_INLINE double cosh_double(double x) {
  const Hyperbolic h = hyperbolic(__builtin_fabs(x));
  return 4 * (h.even + fma_double(h.even, h.cosh, h.odd * h.sinh));
}

// For whole right angles below 2^20.
FERRY_INLINE double tan_double(double x) {
  constexpr double c[] = {0x1.5555555555554p-2,   0x1.11111111116d5p-3,   0x1.ba1ba1b984601p-5,
                          0x1.664f48b375013p-6,   0x1.226e2d3614fd6p-7,   0x1.d6d5726930c44p-9,
                          0x1.7d8878eae1bf2p-10,  0x1.3683fea51475fp-11,  0x1.e372369845721p-13,
                          0x1.f753569afa399p-14,  -0x1.d0b19ba0c5fb8p-19, 0x1.204087dc2a19fp-14,
                          -0x1.1c22c20348ed9p-15, 0x1.325e15be019ep-16};
  const double turned = fma_double(x, 0x1.45f306dc9c883p-1, kRounder), n = turned - kRounder;
  const double near = fma_double(-n, 0x1.921fb544p+0, x);
  const Twofold part = ordered_sum(near, -n * 0x1.0b4611a6p-34);
  const Twofold r = ordered_sum(part.high, -n * 0x1.3198a2e037073p-69);
  const double z = r.high * r.high, low = r.low + part.low;
  const double rest = fma_double(r.high * z, polynomial(c, z), fma_double(low, z, low));
  const Twofold y = ordered_sum(r.high, rest);
  const bool odd = (bits_of(turned) & 1) != 0;
  return odd ? quotient({-1, kNothing}, y) : y.high;
}

FERRY_INLINE double atan_double(double x) {
  constexpr double c[] = {-0x1.5555555555555p-2, 0x1.99999999996dap-3,  -0x1.24924924754eep-3,
                          0x1.c71c71b7f99aap-4,  -0x1.745d1531a4ef3p-4, 0x1.3b1385004d4b3p-4,
                          -0x1.110ea729f7ffap-4, 0x1.e1b346d202382p-5,  -0x1.ade7123654f3dp-5,
                          0x1.7fc8b6714eb54p-5,  -0x1.4cc087ac868ddp-5, 0x1.071ca283d7786p-5,
                          -0x1.554b7907f0a34p-6, 0x1.34070b6ef9484p-7,  -0x1.170dc7fb10621p-9};
  constexpr double kQuarter = 0x1.921fb54442d18p-1, kQuarterRest = 0x1.1a62633145c07p-55;
  // The angle of a, or what is beyond pi / 4 or pi / 2: that of (a - 1) / (a + 1) or -1 / a.
  const double a = __builtin_fabs(x);
  const bool middle = a > 0.66, large = a > 1.5;
  const double n = large ? -1.0 : middle ? a - 1 : a, d = large ? a : middle ? a + 1 : 1.0;
  const double quarters = large ? 2.0 : middle ? 1.0 : 0.0;
  const double t = n / d, z = t * t;
  const double rest = fma_double(t * z, polynomial(c, z), quarters * kQuarterRest);
  return __builtin_copysign(quarters * kQuarter + (t + rest), x);
}

// asin a for a < 1/2; else pi / 2 - 2 asin(sqrt((1 - a) / 2)).
struct Arc {
  double root, rest;  // their sum is asin of a, or of that root
  bool turned;
};
FERRY_INLINE Arc arc(double a) {
  constexpr double c[] = {0x1.5555555555556p-3, 0x1.3333333332ecap-4, 0x1.6db6db6e31f13p-5,
                          0x1.f1c71c1db0623p-6, 0x1.6e8bb1c8209a2p-6, 0x1.1c4d35cf95421p-6,
                          0x1.c9cf07674736ap-7, 0x1.782651caa6547p-7, 0x1.52420b04b37bep-7,
                          0x1.65a9c4dfcf8b2p-8, 0x1.1d189408314eep-6, -0x1.e6aaa8a0a04ccp-7,
                          0x1.d72b2bc8155f8p-6};
  const bool turned = a > 0.5;
  const double z = turned ? (1 - a) * 0.5 : a * a, root = turned ? __builtin_sqrt(z) : a;
  const double missing = turned && z > 0 ? remainder(z, root, root) * 0.5 / root : 0.0;
  return {root, fma_double(root * z, polynomial(c, z), missing), turned};
}
FERRY_INLINE double asin_double(double x) {
  constexpr double kQuarter = 0x1.921fb54442d18p-1, kHalfRest = 0x1.1a62633145c07p-54;
  const Arc y = arc(__builtin_fabs(x));
  const double turned = kQuarter + (((kQuarter - 2 * y.root) - 2 * y.rest) + kHalfRest);
  return __builtin_copysign(y.turned ? turned : y.root + y.rest, x);
}
FERRY_INLINE double acos_double(double x) {
  constexpr double kQuarter = 0x1.921fb54442d18p-1, kHalfRest = 0x1.1a62633145c07p-54;
  const Arc y = arc(__builtin_fabs(x));
  const double angle = __builtin_copysign(y.root, x), rest = __builtin_copysign(1.0, x) * y.rest;
  const double small = kQuarter + ((kQuarter - angle) - (rest - kHalfRest));
  const double turned = 2 * (y.root + y.rest);
  const double back = 4 * kQuarter - 2 * (y.root + (y.rest - kHalfRest));
  return y.turned ? (x < 0 ? back : turned) : small;
}

// (log(1 + a) - log(1 - a)) / 2. With 2^e near (1 + a) / (1 - a) it is e ln(2) / 2 + atanh s, where
// s = (1 + a - 2^e (1 - a)) / (1 + a + 2^e (1 - a)).
FERRY_INLINE double atanh_double(double x) {
  constexpr double c[] = {0x1.5555555555555p-2, 0x1.9999999999857p-3, 0x1.24924924b6bb9p-3,
                          0x1.c71c71946e2c1p-4, 0x1.745d28e3b1792p-4, 0x1.3b104327e77a6p-4,
                          0x1.117503b82b368p-4, 0x1.d4be877a110fcp-5, 0x1.11d0810c45e1dp-4};
  const double a = __builtin_fabs(x);
  const Twofold more = ordered_sum(1, a), less = ordered_sum(1, -a);
  const uint64_t doublings =
      (bits_of(more.high) - bits_of(less.high) + uint64_t{0x0005999999999999}) >> 52;
  const double e = double_of(bits_of(kRounder) + doublings) - kRounder;
  const double power = double_of((doublings + 1023) << 52);
  const double n = (more.high - power * less.high) + (more.low - power * less.low);
  const double s = n / (more.high + power * less.high), z = s * s;
  const double rest = fma_double(s * z, polynomial(c, z), e * (0.5 * kLn2Rest));
  const double inside = e * (0.5 * kLn2) + (s + rest);
  const double end = a > 1 ? __builtin_nan("") : __builtin_inf();
  const double y = a < 1 ? (a < 0x1p-28 ? a : inside) : end;
  return x == x ? __builtin_copysign(y, x) : x;
}

}  // namespace ferry::FERRY_ISA
