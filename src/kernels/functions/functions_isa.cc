// SPDX-License-Identifier: Apache-2.0
// Compiled with the compiler's vectoriser on (see src/kernels/CMakeLists.txt). Polynomials are fits
// of our own; the bounds beside them are of the function's relative error.
#include "kernels/functions/double_functions.h"
#include "kernels/functions/functions.h"
#include "kernels/functions/wide.h"

#if defined(__clang__)
#define FERRY_ONE_COPY [[gnu::noinline]]
// Clang compares the addresses itself, and would warn in a build without optimisation.
#define FERRY_INDEPENDENT
#else
#define FERRY_ONE_COPY [[gnu::noinline, gnu::noclone]]
#define FERRY_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace ferry::FERRY_ISA {
namespace {

constexpr int64_t kBlock = 64;

// Whole blocks always, so that a value's result does not depend on where it stands.
template <class T, class F>
FERRY_INLINE void map_blocks(const T* x, T* y, int64_t n, F f) {
  for (int64_t i = 0; i < n; i += kBlock) {
    const auto m = static_cast<uint64_t>(smaller(kBlock, n - i));
    T in[kBlock] = {}, out[kBlock];
    __builtin_memcpy(in, x + i, m * sizeof(T));
    FERRY_ROLLED
    for (int64_t j = 0; j < kBlock; ++j) {
      out[j] = static_cast<T>(f(static_cast<double>(in[j])));
    }
    __builtin_memcpy(y + i, out, m * sizeof(T));
  }
}

// Below 2^-6 three terms of the series are within 2e-12.
FERRY_INLINE double asinh_wide(double x) {
  const double a = __builtin_fabs(x), z = x * x;
  const double large = log_normal<5>(a + __builtin_sqrt(fma_double(a, a, 1.0)));
  const double near_zero = fma_double(x * z, fma_double(z, 3.0 / 40, -1.0 / 6), x);
  const double y = a < 0x1p-6 ? near_zero : __builtin_copysign(large, x);
  return a < __builtin_inf() ? y : x;
}

FERRY_INLINE double acosh_wide(double x) {
  const double y = log_normal<5>(x + __builtin_sqrt((x - 1) * (x + 1)));
  const double finite = x < __builtin_inf() ? y : x;
  return x < 1 ? __builtin_nan("") : finite;
}

FERRY_INLINE double atanh_wide(double x) {
  const double a = __builtin_fabs(x), z = x * x;
  const double large = __builtin_copysign(0.5 * log_normal<5>((1 + a) / (1 - a)), x);
  const double near_zero = fma_double(x * z, fma_double(z, 0.2, 1.0 / 3), x);
  const double y = a < 0x1p-6 ? near_zero : large;
  const double end = a > 1 ? __builtin_nan("") : __builtin_copysign(__builtin_inf(), x);
  const double inside = a < 1 ? y : end;
  return x == x ? inside : x;
}

// Up to here whole right angles times the parts of pi / 2 below are exact.
constexpr float kTanLimit = 1e5f;

FERRY_INLINE double tan_wide(double x) {
  const double n = fma_double(x, 0x1.45f306dc9c883p-1, kRounder) - kRounder;
  double r = fma_double(-n, 0x1.921fb544p+0, x);
  r = fma_double(-n, 0x1.0b4611a6p-34, r);
  r = fma_double(-n, 0x1.3198a2e037073p-69, r);
  constexpr double s[] = {-1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800},
                   c[] = {-1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800};
  const double z = r * r;
  const double sine = fma_double(r * z, polynomial(s, z), r);
  const double cosine = fma_double(z, polynomial(c, z), 1.0);
  const bool odd = (bits_of(n + kRounder) & 1) != 0;
  return (odd ? -cosine : sine) / (odd ? sine : cosine);
}

// Larger angles go to the C library, by element.
void tan_floats(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t m = smaller(kBlock, n - i);
    float angle[kBlock];
    int32_t large = 0;
    for (int64_t j = 0; j < m; ++j) {
      angle[j] = x[i + j];
      large |= __builtin_fabsf(angle[j]) <= kTanLimit ? 0 : 1;
    }
    map_blocks(angle, y + i, m, [](double v) { return tan_wide(v); });
    for (int64_t j = 0; j < m && large != 0; ++j) {
      if (!(__builtin_fabsf(angle[j]) <= kTanLimit)) y[i + j] = __builtin_tanf(angle[j]);
    }
  }
}

// C's pow, with all its exceptions: x^0 and 1^y are 1, also of NaN.
FERRY_INLINE double power_wide(double x, double y) {
  const double infinity = __builtin_inf(), a = __builtin_fabs(x), half = y * 0.5;
  const double whole = (y + kRounder) - kRounder, whole_half = (half + kRounder) - kRounder;
  const double magnitude = exp_double(y * log_double(a));
  // Of a whole y; other powers of numbers below 0 are none, but those of -infinity.
  const double odd = whole_half == half ? magnitude : __builtin_copysign(magnitude, x);
  const double below = a < infinity ? __builtin_nan("") : magnitude;
  const double fraction = x < 0 ? below : magnitude;
  const double power = whole == y ? odd : fraction;
  const double of_one = __builtin_fabs(y) == infinity ? 1.0 : power;
  const double general = a == 1 ? of_one : power;
  const double base = x == 1 ? 1.0 : general;
  return y == 0 ? 1.0 : base;
}

void power_floats(const void* a, int64_t a_step, const void* b, int64_t b_step, void* y,
                  int64_t n) noexcept {
  const auto *x = static_cast<const float*>(a), *e = static_cast<const float*>(b);
  auto* to = static_cast<float*>(y);
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t m = smaller(kBlock, n - i);
    float base[kBlock] = {}, exponent[kBlock] = {}, out[kBlock];
    for (int64_t j = 0; j < m; ++j) base[j] = x[(i + j) * a_step];
    for (int64_t j = 0; j < m; ++j) exponent[j] = e[(i + j) * b_step];
    FERRY_ROLLED
    for (int64_t j = 0; j < kBlock; ++j) {
      out[j] = static_cast<float>(
          power_wide(static_cast<double>(base[j]), static_cast<double>(exponent[j])));
    }
    __builtin_memcpy(to + i, out, static_cast<uint64_t>(m) * sizeof(float));
  }
}

void divide_by_power_of_squares(const float* x, float* y, int64_t n, int64_t stride, int64_t first,
                                int64_t last, double bias, double factor, double beta) noexcept {
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t m = smaller(kBlock, n - i);
    double sums[kBlock] = {};
    float values[kBlock] = {}, out[kBlock];
    for (int64_t k = first; k <= last; ++k) {
      const float* row = x + i + k * stride;
      for (int64_t j = 0; j < m; ++j) {
        const auto v = static_cast<double>(row[j]);
        sums[j] = fma_double(v, v, sums[j]);
      }
    }
    __builtin_memcpy(values, x + i, static_cast<uint64_t>(m) * sizeof(float));
    FERRY_ROLLED
    for (int64_t j = 0; j < kBlock; ++j) {
      const double power = exp_double(beta * log_double(fma_double(factor, sums[j], bias)));
      out[j] = static_cast<float>(static_cast<double>(values[j]) / power);
    }
    __builtin_memcpy(y + i, out, static_cast<uint64_t>(m) * sizeof(float));
  }
}

// Of a block; y may be x.
using DoubleBlock = void (*)(const double* x, double* y, double p, double q);

FERRY_ONE_COPY void map_doubles(const void* from, void* to, int64_t n, double p, double q,
                                DoubleBlock map) {
  const auto* x = static_cast<const double*>(from);
  auto* y = static_cast<double*>(to);
  for (; n >= kBlock; n -= kBlock, x += kBlock, y += kBlock) map(x, y, p, q);
  if (n == 0) return;
  double block[kBlock] = {};
  for (int64_t i = 0; i < n; ++i) block[i] = x[i];
  map(block, block, p, q);
  for (int64_t i = 0; i < n; ++i) y[i] = block[i];
}
template <auto kFunction>
FERRY_INLINE double call(double v, double p, double q) {
  if constexpr (requires { kFunction(v); }) {
    return kFunction(v);
  } else if constexpr (requires { kFunction(v, p); }) {
    return kFunction(v, p);
  } else {
    return kFunction(v, p, q);
  }
}

template <auto kFunction>
void row(const void* from, void* to, int64_t n, double p, double q) noexcept {
  map_doubles(from, to, n, p, q, [](const double* x, double* y, double bp, double bq) {
    FERRY_INDEPENDENT FERRY_ROLLED for (int64_t j = 0; j < kBlock; ++j) y[j] =
        call<kFunction>(x[j], bp, bq);
  });
}

// Of what takes an instruction or a few: nothing lies between x and y, which may be one.
template <auto kFunction>
void plain_row(const void* x, void* y, int64_t n, double p, double q) noexcept {
  const auto* from = static_cast<const double*>(x);
  auto* to = static_cast<double*>(y);
  FERRY_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) to[i] = call<kFunction>(from[i], p, q);
}

// Of angles, the larger of which go to the C library by element.
template <auto kFunction, auto kFar>
void angle_row(const void* from, void* to, int64_t n, double p, double q) noexcept {
  map_doubles(from, to, n, p, q, [](const double* x, double* y, double, double) {
    constexpr double kLimit = 1e6;
    double angle[kBlock];
    int64_t large = 0;
    FERRY_INDEPENDENT FERRY_ROLLED for (int64_t j = 0; j < kBlock; ++j) {
      angle[j] = x[j];
      large |= __builtin_fabs(angle[j]) <= kLimit ? 0 : 1;
      y[j] = kFunction(angle[j]);
    }
    for (int64_t j = 0; j < kBlock && large != 0; ++j) {
      if (!(__builtin_fabs(angle[j]) <= kLimit)) y[j] = kFar(angle[j]);
    }
  });
}

void swish_row(const void* x, void* y, int64_t n, double p, double q) noexcept {
  (p == 1 ? row<silu_double> : row<swish_double>)(x, y, n, p, q);
}

void elu_row(const void* x, void* y, int64_t n, double p, double) noexcept {
  row<selu_double>(x, y, n, p, 1);
}

DoubleRow doubles(EltOp op) noexcept {
  switch (op) {
    case EltOp::kExp:
      return row<exp_double>;
    case EltOp::kLog:
      return row<log_double>;
    case EltOp::kSin:
      return angle_row<sin_double, far_sin>;
    case EltOp::kCos:
      return angle_row<cos_double, far_cos>;
    case EltOp::kTan:
      return angle_row<tan_double, far_tan>;
    case EltOp::kAsin:
      return row<asin_double>;
    case EltOp::kAcos:
      return row<acos_double>;
    case EltOp::kAtan:
      return row<atan_double>;
    case EltOp::kSinh:
      return row<sinh_double>;
    case EltOp::kCosh:
      return row<cosh_double>;
    case EltOp::kTanh:
      return row<tanh_double>;
    case EltOp::kAtanh:
      return row<atanh_double>;
    case EltOp::kErf:
      return row<erf_double>;
    case EltOp::kSigmoid:
      return row<sigmoid_double>;
    case EltOp::kSoftplus:
      return row<softplus_double>;
    case EltOp::kMish:
      return row<mish_double>;
    case EltOp::kGelu:
      return row<gelu_double>;
    case EltOp::kGeluTanh:
      return row<gelu_tanh_double>;
    case EltOp::kSwish:
      return swish_row;
    case EltOp::kElu:
      return elu_row;
    case EltOp::kSelu:
      return row<selu_double>;
    case EltOp::kCelu:
      return row<celu_double>;
    case EltOp::kSqrt:
      return plain_row<sqrt_double>;
    case EltOp::kReciprocal:
      return plain_row<reciprocal_double>;
    case EltOp::kFloor:
      return plain_row<floor_double>;
    case EltOp::kCeil:
      return plain_row<ceil_double>;
    case EltOp::kRound:
      return plain_row<round_double>;
    case EltOp::kClip:
      return plain_row<clip_double>;
    case EltOp::kLeakyRelu:
      return plain_row<leaky_relu_double>;
    case EltOp::kThresholdedRelu:
      return plain_row<thresholded_relu_double>;
    case EltOp::kShrink:
      return plain_row<shrink_double>;
    case EltOp::kHardSigmoid:
      return plain_row<hard_sigmoid_double>;
    case EltOp::kHardSwish:
      return plain_row<hard_swish_double>;
    case EltOp::kSoftsign:
      return plain_row<softsign_double>;
    default:
      return nullptr;
  }
}

}  // namespace

void apply_wide(EltOp op, const float* a, float* y, int64_t n, float p) noexcept {
  switch (op) {
    case EltOp::kPower:
      return map_blocks(a, y, n,
                        [e = static_cast<double>(p)](double v) { return power_wide(v, e); });
    case EltOp::kTan:
      return tan_floats(a, y, n);
    case EltOp::kAsinh:
      return map_blocks(a, y, n, [](double v) { return asinh_wide(v); });
    case EltOp::kAcosh:
      return map_blocks(a, y, n, [](double v) { return acosh_wide(v); });
    default:
      return map_blocks(a, y, n, [](double v) { return atanh_wide(v); });
  }
}

extern const FunctionKernels kFunctionKernels = {doubles, power_floats, divide_by_power_of_squares};

}  // namespace ferry::FERRY_ISA
