// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/dropout.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "base/float8.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr TypeSet kTypes = types::kFloating | types::kFloat8;

template <class F>
Status visit_any_float(DType type, F&& f) {
  switch (type) {
    case DType::kFloat8E4M3FN:
      return f(TypeTag<float8e4m3fn>{});
    case DType::kFloat8E4M3FNUZ:
      return f(TypeTag<float8e4m3fnuz>{});
    case DType::kFloat8E5M2:
      return f(TypeTag<float8e5m2>{});
    case DType::kFloat8E5M2FNUZ:
      return f(TypeTag<float8e5m2fnuz>{});
    default:
      return visit_floating(type, f);
  }
}

Status check_scalar(const Type& t, size_t input) {
  if (!t.has_rank() || t.rank() == 0 ||
      (t.rank() == 1 && !Dim::known_different((*t.shape)[0], 1))) {
    return {};
  }
  return shape_mismatch("input {} is {}, wanted is a scalar", input, t.to_string());
}

Status infer(const Dropout&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, kTypes));
  if (c.has_input(1)) {
    FERRY_ASSIGN_OR_RETURN(const Type ratio, c.tensor(1, kTypes));
    FERRY_RETURN_IF_ERROR(check_scalar(ratio, 1));
  }
  if (c.has_input(2)) {
    FERRY_ASSIGN_OR_RETURN(const Type training, c.tensor(2, types::kBool));
    FERRY_RETURN_IF_ERROR(check_scalar(training, 2));
  }
  c.set_type(0, x);
  c.set_tensor(1, DType::kBool, x.shape);
  return {};
}

Result<double> scalar_input(EvalContext& c, size_t i, double absent) {
  if (!c.has_input(i)) return absent;
  const Tensor& t = c.input(i);
  if (t.count() != 1) return shape_mismatch("input {} is {}, wanted is a scalar", i, t.describe());
  if (t.dtype() == DType::kBool) return t.data<bool>()[0] ? 1.0 : 0.0;
  double value = 0;
  FERRY_RETURN_IF_ERROR(visit_any_float(t.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    if constexpr (std::is_same_v<T, double>)
      value = t.data<T>()[0];
    else
      value = double(float(t.data<T>()[0]));
    return {};
  }));
  return value;
}

// 53 random bits as a number in [0, 1), the way NumPy takes them from the generator.
double uniform(std::mt19937& rng) {
  const uint64_t high = rng() >> 5, low = rng() >> 6;
  return double(high * 67108864 + low) / 9007199254740992.0;
}

Status eval(const Dropout& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const double ratio, scalar_input(c, 1, 0.5));
  FERRY_ASSIGN_OR_RETURN(const double training, scalar_input(c, 2, 0));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  Tensor mask;
  if (c.has_output(1)) {
    FERRY_ASSIGN_OR_RETURN(mask, c.output(1, DType::kBool, x.dims()));
  }
  if (training == 0 || ratio == 0) {
    if (x.count() > 0) std::memcpy(y.raw(), x.raw(), x.size_bytes());
    if (mask.defined()) std::fill_n(mask.data<bool>(), mask.count(), true);
    return {};
  }
  if (!(ratio > 0 && ratio < 1)) {
    return invalid_argument("the ratio is {}, wanted is at least 0 and below 1", ratio);
  }
  const uint64_t seed = op.seed ? static_cast<uint64_t>(*op.seed) : c.random_seed();
  std::mt19937 rng(static_cast<uint32_t>(seed));
  const double scale = 1 / (1 - ratio);
  return visit_any_float(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using C = std::conditional_t<std::is_same_v<T, double>, double, float>;
    for (int64_t i = 0; i < x.count(); ++i) {
      if (i % 65536 == 0) FERRY_RETURN_IF_ERROR(c.poll());
      const bool keep = uniform(rng) >= ratio;
      if (mask.defined()) mask.data<bool>()[i] = keep;
      y.data<T>()[i] = T(static_cast<C>((keep ? double(C(x.data<T>()[i])) : 0.0) * scale));
    }
    return {};
  });
}

}  // namespace

void register_dropout(OpRegistry& r) {
  r.op<Dropout>("Dropout")
      .since(22)
      .inputs(1, 3)
      .outputs(1, 2)
      .attr("seed", &Dropout::seed)
      .nondeterministic()
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
