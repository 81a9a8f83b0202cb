// SPDX-License-Identifier: Apache-2.0
#include "ops/math/unary.h"

#include <algorithm>
#include <cmath>

#include "ops/convert.h"
#include "ops/known.h"
#include "ops/registry.h"
#include "ops/wide.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

using K = UnaryKind;

struct Row {
  K kind;
  const char* name;
  int since;
  TypeSet allowed;
};
constexpr TypeSet kSignedNumeric = types::kFloating | types::kSigned;
constexpr Row kRows[] = {
    {K::kAbs, "Abs", 13, types::kNumeric},
    {K::kNeg, "Neg", 13, kSignedNumeric},
    {K::kSign, "Sign", 13, types::kNumeric},
    {K::kRelu, "Relu", 14, kSignedNumeric},
    {K::kShrink, "Shrink", 9, types::kNumeric},
    {K::kExp, "Exp", 13, types::kFloating},
    {K::kLog, "Log", 13, types::kFloating},
    {K::kSqrt, "Sqrt", 13, types::kFloating},
    {K::kReciprocal, "Reciprocal", 13, types::kFloating},
    {K::kFloor, "Floor", 13, types::kFloating},
    {K::kCeil, "Ceil", 13, types::kFloating},
    {K::kRound, "Round", 22, types::kFloating},
    {K::kSin, "Sin", 22, types::kFloating},
    {K::kCos, "Cos", 22, types::kFloating},
    {K::kTan, "Tan", 22, types::kFloating},
    {K::kAsin, "Asin", 22, types::kFloating},
    {K::kAcos, "Acos", 22, types::kFloating},
    {K::kAtan, "Atan", 22, types::kFloating},
    {K::kSinh, "Sinh", 22, types::kFloating},
    {K::kCosh, "Cosh", 22, types::kFloating},
    {K::kTanh, "Tanh", 13, types::kFloating},
    {K::kAsinh, "Asinh", 22, types::kFloating},
    {K::kAcosh, "Acosh", 22, types::kFloating},
    {K::kAtanh, "Atanh", 22, types::kFloating},
    {K::kErf, "Erf", 13, types::kFloating},
    {K::kSigmoid, "Sigmoid", 13, types::kFloating},
    {K::kSoftplus, "Softplus", 22, types::kFloating},
    {K::kSoftsign, "Softsign", 22, types::kFloating},
    {K::kHardSigmoid, "HardSigmoid", 22, types::kFloating},
    {K::kHardSwish, "HardSwish", 22, types::kFloating},
    {K::kElu, "Elu", 22, types::kFloating},
    {K::kSelu, "Selu", 22, types::kFloating},
    {K::kCelu, "Celu", 28, types::kFloating},
    {K::kLeakyRelu, "LeakyRelu", 16, types::kFloating},
    {K::kThresholdedRelu, "ThresholdedRelu", 22, types::kFloating},
    {K::kGelu, "Gelu", 20, types::kFloating},
    {K::kMish, "Mish", 22, types::kFloating},
    {K::kSwish, "Swish", 24, types::kFloating},
    {K::kBitwiseNot, "BitwiseNot", 18, types::kIntegers},
    {K::kNot, "Not", 1, types::kBool},
    // Made by passes/fuse_quantization.
    {K::kFakeQuantize, "ferry.FakeQuantize", 1, {DType::kFloat32}},
};

TypeSet allowed_types(K kind) {
  for (const Row& row : kRows) {
    if (row.kind == kind) return row.allowed;
  }
  return {};
}

std::optional<Dim> known_unary(K kind, const Dim& x) {
  switch (kind) {
    case K::kNeg:
      return Dim(0) - x;
    case K::kNot:
      return x.is_constant() ? std::optional<Dim>(Dim(x.is_constant(0))) : std::nullopt;
    case K::kRelu:
      return max(x, Dim(0));
    case K::kAbs:
      if (x.lower_bound() >= 0) return x;
      return x.is_constant() ? std::optional<Dim>(Dim(0) - x) : std::nullopt;
    case K::kSign:
      if (x.lower_bound() > 0) return Dim(1);
      if (!x.is_constant()) return std::nullopt;
      return Dim(x.constant() < 0 ? -1 : 0);
    default:
      return std::nullopt;
  }
}

Status infer(const Unary& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, allowed_types(op.kind)));
  if (op.kind == K::kGelu && op.approximate != "none" && op.approximate != "tanh") {
    return invalid_model("approximate is '{}', wanted is 'none' or 'tanh'", op.approximate);
  }
  propagate_known(c, x.dtype, x.shape,
                  [&](std::span<const Dim> d) { return known_unary(op.kind, d[0]); });
  c.set_type(0, std::move(x));
  return {};
}

// From e^-|v|, so that neither end loses digits.
template <class W>
W softplus(W v) {
  return (v > 0 ? v : W(0)) + std::log1p(std::exp(-std::fabs(v)));
}
template <class W>
W sigmoid(W v) {
  const W e = std::exp(-std::fabs(v));
  return (v < 0 ? e : W(1)) / (1 + e);
}
// tanh(softplus(v)) = n / (n + 2) with n = e^v (e^v + 2); 1 where e^v is large.
template <class W>
W mish(W v) {
  if (v > 50) return v;
  const W e = std::exp(v), n = e * (e + 2);
  return v * (n / (n + 2));
}
template <class W>
W gelu(W v) {
  return W(0.5) * v * std::erfc(-v * W(0.707106781186547524400844362104849039L));
}
template <class W>
W gelu_tanh(W v) {
  const W twice = W(1.59576912160573071175978423973752747L) * (v + W(0.044715L) * v * v * v);
  return v * sigmoid(twice);
}
// NaN passes through both comparisons.
template <class C>
C unit_clamp(C v) {
  return v < 0 ? C(0) : v > 1 ? C(1) : v;
}

template <class T>
Status eval_floating(const Unary& op, const T* x, T* y, int64_t n) {
  using C = compute_t<T>;
  const auto map = [&](auto f) {
    for (int64_t i = 0; i < n; ++i) y[i] = T(f(C(x[i])));
    return Status();
  };
  const C a = C(op.alpha), b = C(op.beta);
  using W = wide_t<T>;
  const auto wide = [&](auto f) {
    for (int64_t i = 0; i < n; ++i) y[i] = T(static_cast<C>(f(W(C(x[i])))));
    return Status();
  };
  const W wa = W(a), wb = W(b);
  switch (op.kind) {
    case K::kAbs:
      return map([](C v) { return std::fabs(v); });
    case K::kNeg:
      return map([](C v) { return -v; });
    case K::kSign:
      return map([](C v) { return v > 0 ? C(1) : v < 0 ? C(-1) : v == 0 ? C(0) : v; });
    case K::kRelu:
      return map([](C v) { return v < 0 ? C(0) : v; });
    case K::kShrink:
      return map([=](C v) { return v < -a ? v + b : v > a ? v - b : C(0); });
    case K::kExp:
      return map([](C v) { return std::exp(v); });
    case K::kLog:
      // In the wide type also because a library's float form goes astray where subnormals are zero.
      return wide([](W v) { return std::log(v); });
    case K::kSqrt:
      return map([](C v) { return std::sqrt(v); });
    case K::kReciprocal:
      return map([](C v) { return 1 / v; });
    case K::kFloor:
      return map([](C v) { return std::floor(v); });
    case K::kCeil:
      return map([](C v) { return std::ceil(v); });
    case K::kRound:
      return map([](C v) { return std::nearbyint(v); });
    case K::kSin:
      return map([](C v) { return std::sin(v); });
    case K::kCos:
      return map([](C v) { return std::cos(v); });
    case K::kTan:
      return map([](C v) { return std::tan(v); });
    case K::kAsin:
      return map([](C v) { return std::asin(v); });
    case K::kAcos:
      return map([](C v) { return std::acos(v); });
    case K::kAtan:
      return map([](C v) { return std::atan(v); });
    case K::kSinh:
      return map([](C v) { return std::sinh(v); });
    case K::kCosh:
      return map([](C v) { return std::cosh(v); });
    case K::kTanh:
      return map([](C v) { return std::tanh(v); });
    case K::kAsinh:
      return map([](C v) { return std::asinh(v); });
    case K::kAcosh:
      return map([](C v) { return std::acosh(v); });
    case K::kAtanh:
      return map([](C v) { return std::atanh(v); });
    case K::kErf:
      return map([](C v) { return std::erf(v); });
    case K::kSigmoid:
      return wide([](W v) { return sigmoid(v); });
    case K::kSoftplus:
      return wide([](W v) { return softplus(v); });
    case K::kSoftsign:
      return wide([](W v) { return v / (1 + std::fabs(v)); });
    case K::kHardSigmoid:
      return wide([=](W v) { return unit_clamp(wa * v + wb); });
    case K::kHardSwish:
      // The standard's function body holds 1 / 6 as a float.
      return wide([](W v) { return v * unit_clamp(v * W(1.0f / 6) + W(0.5)); });
    case K::kElu:
      return wide([=](W v) { return v < 0 ? wa * std::expm1(v) : v; });
    case K::kSelu:
      return wide([=](W v) { return v > 0 ? wb * v : wb * (wa * std::expm1(v)); });
    case K::kCelu:
      return wide([=](W v) { return v > 0 ? v : wa * std::expm1(v / wa); });
    case K::kLeakyRelu:
      return map([=](C v) { return v < 0 ? a * v : v; });
    case K::kThresholdedRelu:
      return map([=](C v) { return v > a ? v : C(0); });
    case K::kGelu:
      if (op.approximate == "tanh") return wide([](W v) { return gelu_tanh(v); });
      return wide([](W v) { return gelu(v); });
    case K::kMish:
      return wide([](W v) { return mish(v); });
    case K::kSwish:
      return wide([=](W v) { return v * sigmoid(wa * v); });
    case K::kFakeQuantize:
      return map([&](C v) {
        const float q = std::nearbyint(float(v) / op.alpha);
        const float low = op.beta, high = low + 255;
        // The sum makes a positive zero of a negative one, as an integer does.
        return C(((q > low ? (q < high ? q : high) : low) + 0.0f) * op.alpha);
      });
    case K::kBitwiseNot:
    case K::kNot:
      break;
  }
  return internal_error("no floating form");
}

template <class T>
Status eval_integer(const Unary& op, const T* x, T* y, int64_t n) {
  const auto map = [&](auto f) {
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(f(x[i]));
    return Status();
  };
  switch (op.kind) {
    case K::kAbs:
      return map([](T v) { return v < 0 ? wrap_sub(T(0), v) : v; });
    case K::kNeg:
      return map([](T v) { return wrap_sub(T(0), v); });
    case K::kSign:
      return map([](T v) { return v > 0 ? 1 : v < 0 ? -1 : 0; });
    case K::kRelu:
      return map([](T v) { return v < 0 ? T(0) : v; });
    case K::kBitwiseNot:
      return map([](T v) { return ~v; });
    case K::kShrink: {
      const double a = static_cast<double>(op.alpha), b = static_cast<double>(op.beta);
      return map([=](T i) {
        const auto v = static_cast<double>(i);
        if (b == 0 && (v < -a || v > a)) return i;
        return clamp_to_int<T>(v < -a ? v + b : v > a ? v - b : 0.0);
      });
    }
    default:
      return internal_error("no integer form");
  }
}

Status eval(const Unary& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  constexpr int64_t kAtOnce = 64 << 10;
  for (int64_t i = 0; i < x.count(); i += kAtOnce) {
    FERRY_RETURN_IF_ERROR(c.poll());
    FERRY_RETURN_IF_ERROR(unary_range(op, x, y, i, std::min(i + kAtOnce, x.count())));
  }
  return {};
}

Unary defaults(K kind) {
  Unary op;
  op.kind = kind;
  switch (kind) {
    case K::kShrink:
      op.alpha = 0.5f;
      break;
    case K::kHardSigmoid:
      op.alpha = 0.2f, op.beta = 0.5f;
      break;
    case K::kSelu:
      op.alpha = 1.67326319217681884765625f, op.beta = 1.05070102214813232421875f;
      break;
    case K::kLeakyRelu:
      op.alpha = 0.01f;
      break;
    case K::kElu:
    case K::kCelu:
    case K::kThresholdedRelu:
    case K::kSwish:
      op.alpha = 1;
      break;
    default:
      break;
  }
  return op;
}

}  // namespace

std::vector<const char*> unary_operators() {
  std::vector<const char*> names;
  for (const Row& row : kRows) names.push_back(row.name);
  return names;
}

Status unary_range(const Unary& op, const Tensor& x, Tensor& y, int64_t from, int64_t to) {
  if (op.kind == K::kNot) {
    for (int64_t i = from; i < to; ++i) y.data<bool>()[i] = !x.data<bool>()[i];
    return {};
  }
  return visit_numeric(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    if constexpr (is_floating_v<T>) {
      return eval_floating(op, x.data<T>() + from, y.data<T>() + from, to - from);
    } else {
      return eval_integer(op, x.data<T>() + from, y.data<T>() + from, to - from);
    }
  });
}

void register_unary(OpRegistry& r) {
  for (const Row& row : kRows) {
    auto op = r.op<Unary>(row.name, defaults(row.kind));
    op.since(row.since).infer(infer).reference(eval);
    switch (row.kind) {
      case K::kShrink:
        op.attr("lambd", &Unary::alpha).attr("bias", &Unary::beta);
        break;
      case K::kHardSigmoid:
        op.attr("alpha", &Unary::alpha).attr("beta", &Unary::beta);
        break;
      case K::kFakeQuantize:
        op.attr("scale", &Unary::alpha).attr("low", &Unary::beta);
        break;
      case K::kSelu:
        op.attr("alpha", &Unary::alpha).attr("gamma", &Unary::beta);
        break;
      case K::kElu:
      case K::kCelu:
      case K::kLeakyRelu:
      case K::kThresholdedRelu:
      case K::kSwish:
        op.attr("alpha", &Unary::alpha);
        break;
      case K::kGelu:
        op.attr("approximate", &Unary::approximate);
        break;
      default:
        break;
    }
  }
}

}  // namespace ferry
