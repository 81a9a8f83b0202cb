// SPDX-License-Identifier: Apache-2.0
#include "ulp_functions.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <type_traits>

// With gcc and glibc the loops below call the vector forms of these, which are within 4 units in
// the last place of double: nothing that a float could show.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define VECTOR_FORM(name) __attribute__((simd("notinbranch"))) double name(double) noexcept
extern "C" {
VECTOR_FORM(exp);
VECTOR_FORM(expm1);
VECTOR_FORM(log);
VECTOR_FORM(log1p);
VECTOR_FORM(sin);
VECTOR_FORM(cos);
VECTOR_FORM(tan);
VECTOR_FORM(asin);
VECTOR_FORM(acos);
VECTOR_FORM(atan);
VECTOR_FORM(sinh);
VECTOR_FORM(cosh);
VECTOR_FORM(tanh);
VECTOR_FORM(asinh);
VECTOR_FORM(acosh);
VECTOR_FORM(atanh);
VECTOR_FORM(erf);
VECTOR_FORM(erfc);
}
#endif

namespace ferry {
namespace {

// A formula of x, or of x and the attributes p and q.
template <class F>
constexpr Reference each(F) {
  return [](const Function& f, const float* x, double* y, int64_t n) {
    [[maybe_unused]] const auto p = static_cast<double>(f.alpha), q = static_cast<double>(f.beta);
    for (int64_t i = 0; i < n; ++i) {
      const auto v = static_cast<double>(x[i]);
      if constexpr (std::is_invocable_v<F, double>) {
        y[i] = F{}(v);
      } else {
        y[i] = F{}(v, p, q);
      }
    }
  };
}

// x no farther from 0 than `largest`, beyond which the vector forms are slow and nothing that a
// float could show changes. By integers: the compiler would call the function before it chose by
// floats.
double within(double largest, double x) {
  const auto magnitude = std::bit_cast<int64_t>(std::fabs(x)),
             top = std::bit_cast<int64_t>(largest);
  const double nan = x != x ? x : 0.0;
  return std::copysign(std::bit_cast<double>(std::min(magnitude, top)), x) + nan;
}
double exp_of(double x) { return ::exp(within(700, x)); }
double erfc_of(double x) { return ::erfc(within(26, x)); }
double expm1_of(double x) { return ::expm1(within(700, x)); }

// From e^-|x|, so that neither end loses digits.
double sigmoid(double x) {
  const double e = exp_of(-std::fabs(x));
  return (x < 0 ? e : 1.0) / (1 + e);
}
double clamped(double x) { return x < 0 ? 0.0 : x > 1 ? 1.0 : x; }

constexpr auto kShrink = [](double x, double p, double q) {
  return x < -p ? x + q : x > p ? x - q : 0.0;
};
constexpr auto kHardSigmoid = [](double x, double p, double q) { return clamped(p * x + q); };
constexpr auto kElu = [](double x, double p, double) {
  const double y = p * expm1_of(x);
  return x < 0 ? y : x;
};
constexpr auto kSelu = [](double x, double p, double q) {
  const double y = q * p * expm1_of(x);
  return x < 0 ? y : q * x;
};
constexpr auto kCelu = [](double x, double p, double) {
  const double y = p * expm1_of(x / p);
  return x < 0 ? y : x;
};
constexpr auto kLeakyRelu = [](double x, double p, double) { return x < 0 ? p * x : x; };
constexpr auto kThresholdedRelu = [](double x, double p, double) { return x > p ? x : 0.0; };
constexpr auto kSwish = [](double x, double p, double) { return x * sigmoid(p * x); };
constexpr float kSeluAlpha = 1.67326319217681884765625f, kSeluGamma = 1.05070102214813232421875f;
constexpr double kSixth = 1.0f / 6;

constexpr Function kFunctions[] = {
    {"Abs", "Abs", each([](double x) { return std::fabs(x); })},
    {"Neg", "Neg", each([](double x) { return -x; })},
    {"Sign", "Sign", each([](double x) { return x > 0   ? 1.0
                                                : x < 0 ? -1.0
                                                        : x; })},
    {"Relu", "Relu", each([](double x) { return x < 0 ? 0.0 : x; })},
    {"Shrink", "Shrink", each(kShrink), 0.5f, 0},
    {"Shrink 1.5, 0.3", "Shrink", each(kShrink), 1.5f, 0.3f},
    {"Exp", "Exp", each([](double x) { return exp_of(x); })},
    {"Log", "Log", each([](double x) {
       const double y = ::log(std::fabs(x));
       return x < 0 ? std::numeric_limits<double>::quiet_NaN() : y;
     })},
    {"Sqrt", "Sqrt", each([](double x) { return std::sqrt(x); })},
    {"Reciprocal", "Reciprocal", each([](double x) { return 1 / x; })},
    {"Floor", "Floor", each([](double x) { return std::floor(x); })},
    {"Ceil", "Ceil", each([](double x) { return std::ceil(x); })},
    {"Round", "Round", each([](double x) { return std::nearbyint(x); })},
    {"Sin", "Sin", each([](double x) { return ::sin(x); })},
    {"Cos", "Cos", each([](double x) { return ::cos(x); })},
    {"Tan", "Tan", each([](double x) { return ::tan(x); })},
    {"Asin", "Asin", each([](double x) { return ::asin(x); })},
    {"Acos", "Acos", each([](double x) { return ::acos(x); })},
    {"Atan", "Atan", each([](double x) { return ::atan(x); })},
    {"Sinh", "Sinh", each([](double x) { return ::sinh(within(200, x)); })},
    {"Cosh", "Cosh", each([](double x) { return ::cosh(within(200, x)); })},
    {"Tanh", "Tanh", each([](double x) { return ::tanh(x); })},
    {"Asinh", "Asinh", each([](double x) { return ::asinh(x); })},
    {"Acosh", "Acosh", each([](double x) { return ::acosh(x); })},
    {"Atanh", "Atanh", each([](double x) { return ::atanh(x); })},
    {"Erf", "Erf", each([](double x) { return ::erf(x); })},
    {"Sigmoid", "Sigmoid", each([](double x) { return sigmoid(x); })},
    {"Softplus", "Softplus",
     each([](double x) { return (x > 0 ? x : 0.0) + ::log1p(exp_of(-std::fabs(x))); })},
    {"Softsign", "Softsign", each([](double x) { return x / (1 + std::fabs(x)); })},
    {"HardSigmoid", "HardSigmoid", each(kHardSigmoid), 0.2f, 0.5f},
    {"HardSigmoid 1/6", "HardSigmoid", each(kHardSigmoid), 1.0f / 6, 0.5f},
    {"HardSwish", "HardSwish", each([](double x) { return x * clamped(x * kSixth + 0.5); })},
    {"Elu", "Elu", each(kElu), 1},
    {"Elu 0.3", "Elu", each(kElu), 0.3f},
    {"Elu 1.9", "Elu", each(kElu), 1.9f},
    {"Selu", "Selu", each(kSelu), kSeluAlpha, kSeluGamma},
    {"Selu 0.7, 1.3", "Selu", each(kSelu), 0.7f, 1.3f},
    {"Celu", "Celu", each(kCelu), 1},
    {"Celu 0.3", "Celu", each(kCelu), 0.3f},
    {"Celu 53", "Celu", each(kCelu), 53},
    {"LeakyRelu", "LeakyRelu", each(kLeakyRelu), 0.01f},
    {"ThresholdedRelu", "ThresholdedRelu", each(kThresholdedRelu), 1},
    {"Gelu", "Gelu", each([](double x) { return 0.5 * x * erfc_of(-x * std::sqrt(0.5)); }),
     kDefault, kDefault, false},
    {"Gelu (tanh)", "Gelu", each([](double x) {
       return x * sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
     }),
     kDefault, kDefault, false, "tanh"},
    {"Mish", "Mish", each([](double x) {
       const double e = exp_of(std::min(x, 30.0)), n = e * (e + 2);
       return x * (n / (n + 2));
     }),
     kDefault, kDefault, false},
    {"Swish", "Swish", each(kSwish), 1, kDefault, false},
    {"Swish 1.702", "Swish", each(kSwish), 1.702f, kDefault, false},
    {"Swish 0.03", "Swish", each(kSwish), 0.03f, kDefault, false},
    {"Swish -30", "Swish", each(kSwish), -30, kDefault, false},
};

}  // namespace

std::span<const Function> functions() { return kFunctions; }

}  // namespace ferry
