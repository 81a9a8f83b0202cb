// SPDX-License-Identifier: Apache-2.0
#include "ops/generator/random.h"

#include <algorithm>
#include <cmath>

#include "ops/arguments.h"
#include "ops/generator/random_source.h"
#include "ops/in_pieces.h"
#include "ops/registry.h"
#include "ops/working_array.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

// Numbers drawn between looks at the deadline: about a tenth of a millisecond.
constexpr int64_t kPollEvery = 4096;

std::optional<double> seed_of(const std::optional<float>& seed) {
  return seed ? std::optional<double>(static_cast<double>(*seed)) : std::nullopt;
}

Status check_dtype(DType dtype, TypeSet allowed) {
  if (allowed.contains(dtype)) return {};
  return unsupported_type("element type {}; allowed are {}", dtype_name(dtype),
                          allowed.to_string());
}

Status infer_random(const RandomTensor& op, InferContext& c) {
  DType dtype = op.dtype.value_or(DType::kFloat32);
  std::optional<Shape> shape = Shape(op.shape.begin(), op.shape.end());
  if (op.like) {
    FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0));
    dtype = op.dtype.value_or(x.dtype);
    shape = x.shape;
  } else {
    FERRY_RETURN_IF_ERROR(make_dims(op.shape).status());
  }
  FERRY_RETURN_IF_ERROR(check_dtype(dtype, types::kFloating));
  c.set_tensor(0, dtype, std::move(shape));
  return {};
}

Status eval_random(const RandomTensor& op, EvalContext& c) {
  Dims dims;
  DType dtype = op.dtype.value_or(DType::kFloat32);
  if (op.like) {
    dims = c.input(0).dims();
    dtype = op.dtype.value_or(c.input(0).dtype());
  } else {
    FERRY_ASSIGN_OR_RETURN(dims, make_dims(op.shape));
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, dtype, dims));
  RandomSource random(seed_of(op.seed), c);
  return visit_floating(dtype, [&]<class T>(TypeTag<T>) -> Status {
    using C = compute_t<T>;
    const C a = C(op.a), b = C(op.b);
    for (int64_t i = 0; i < y.count(); ++i) {
      if (i % kPollEvery == 0) FERRY_RETURN_IF_ERROR(c.poll());
      y.data<T>()[i] = op.normal ? T(static_cast<C>(random.normal()) * b + a)
                                 : T(static_cast<C>(random.uniform()) * (b - a) + a);
    }
    return {};
  });
}

Status infer_bernoulli(const Bernoulli& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kFloating));
  x.dtype = op.dtype.value_or(x.dtype);
  FERRY_RETURN_IF_ERROR(check_dtype(x.dtype, types::kNumeric | types::kBool));
  c.set_type(0, std::move(x));
  return {};
}

Status eval_bernoulli(const Bernoulli& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, op.dtype.value_or(x.dtype()), x.dims()));
  RandomSource random(seed_of(op.seed), c);
  const auto draw = [&](auto* to) {
    return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
      for (int64_t i = 0; i < x.count(); ++i) {
        if (i % kPollEvery == 0) FERRY_RETURN_IF_ERROR(c.poll());
        const auto p = static_cast<double>(static_cast<compute_t<T>>(x.data<T>()[i]));
        to[i] = static_cast<std::remove_reference_t<decltype(*to)>>(random.uniform() < p ? 1 : 0);
      }
      return {};
    });
  };
  if (y.dtype() == DType::kBool) return draw(y.data<bool>());
  return visit_numeric(y.dtype(), [&]<class T>(TypeTag<T>) { return draw(y.data<T>()); });
}

Status infer_multinomial(const Multinomial& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 2, 2));
  FERRY_RETURN_IF_ERROR(check_dtype(op.dtype, types::kIndices));
  if (op.sample_size < 0) return invalid_model("sample_size is {}", op.sample_size);
  Shape shape = c.fresh_shape(0, 2);
  if (x.shape) shape[0] = (*x.shape)[0];
  shape[1] = op.sample_size;
  c.set_tensor(0, op.dtype, std::move(shape));
  return {};
}

Status eval_multinomial(const Multinomial& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() != 2) return shape_mismatch("x is {}, wanted is a matrix", x.describe());
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, op.dtype, Dims{x.dim(0), op.sample_size}));
  const int64_t classes = x.dim(1);
  if (y.count() > 0 && classes == 0) return shape_mismatch("x {} has no classes", x.describe());
  RandomSource random(seed_of(op.seed), c);
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    FERRY_ASSIGN_OR_RETURN(auto sums, WorkingArray<double>::make(c, y.count() > 0 ? classes : 0));
    PollEvery polls(c);
    for (int64_t row = 0; row < (y.count() > 0 ? x.dim(0) : 0); ++row) {
      FERRY_RETURN_IF_ERROR(c.poll());
      const T* logits = x.data<T>() + row * classes;
      double top = -INFINITY, sum = 0;
      FERRY_RETURN_IF_ERROR(in_pieces(polls, classes, 2, [&](int64_t from, int64_t to) {
        for (int64_t k = from; k < to; ++k) {
          top = std::max(top, static_cast<double>(static_cast<compute_t<T>>(logits[k])));
        }
      }));
      FERRY_RETURN_IF_ERROR(in_pieces(polls, classes, 16, [&](int64_t from, int64_t to) {
        for (int64_t k = from; k < to; ++k) {
          sum += std::exp(static_cast<double>(static_cast<compute_t<T>>(logits[k])) - top);
          sums[static_cast<size_t>(k)] = sum;
        }
      }));
      for (int64_t s = 0; s < op.sample_size; ++s) {
        if (s % kPollEvery == 0) FERRY_RETURN_IF_ERROR(c.poll());
        const double at = random.uniform() * sum;
        const auto found = std::upper_bound(sums.data(), sums.data() + classes, at) - sums.data();
        const int64_t index = std::min<int64_t>(found, classes - 1), to = row * op.sample_size + s;
        if (op.dtype == DType::kInt32)
          y.data<int32_t>()[to] = static_cast<int32_t>(index);
        else
          y.data<int64_t>()[to] = index;
      }
    }
    return {};
  });
}

}  // namespace

void register_random(OpRegistry& r) {
  for (const bool normal : {true, false}) {
    for (const bool like : {false, true}) {
      RandomTensor defaults;
      defaults.normal = normal;
      defaults.like = like;
      const std::string name =
          std::string(normal ? "RandomNormal" : "RandomUniform") + (like ? "Like" : "");
      auto op = r.op<RandomTensor>(name, defaults);
      op.since(22)
          .inputs(like ? 1 : 0)
          .attr("dtype", &RandomTensor::dtype)
          .attr("seed", &RandomTensor::seed)
          .attr(normal ? "mean" : "low", &RandomTensor::a)
          .attr(normal ? "scale" : "high", &RandomTensor::b)
          .nondeterministic()
          .infer(infer_random)
          .reference(eval_random);
      if (!like) op.required("shape", &RandomTensor::shape);
    }
  }
  r.op<Bernoulli>("Bernoulli")
      .since(22)
      .attr("dtype", &Bernoulli::dtype)
      .attr("seed", &Bernoulli::seed)
      .nondeterministic()
      .infer(infer_bernoulli)
      .reference(eval_bernoulli);
  r.op<Multinomial>("Multinomial")
      .since(22)
      .attr("dtype", &Multinomial::dtype)
      .attr("sample_size", &Multinomial::sample_size)
      .attr("seed", &Multinomial::seed)
      .nondeterministic()
      .infer(infer_multinomial)
      .reference(eval_multinomial);
}

}  // namespace ferry
