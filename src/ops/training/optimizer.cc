// SPDX-License-Identifier: Apache-2.0
#include "ops/training/optimizer.h"

#include <cmath>

#include "ops/arguments.h"
#include "ops/in_ranges.h"
#include "ops/registry.h"
#include "tensor/better_known.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr TypeSet kAllowed = {DType::kFloat32, DType::kFloat64};

// One element: x, gradient, first and second state, updated in place.
struct Element {
  double x, g, v, h;
};
struct Step {
  double rate, step;
};

void update(const Adagrad& op, const Step& s, Element& e) {
  const double g = static_cast<double>(op.norm_coefficient) * e.x + e.g;
  e.v += g * g;
  e.x -= s.rate / (1 + s.step * static_cast<double>(op.decay_factor)) * g /
         (std::sqrt(e.v) + static_cast<double>(op.epsilon));
}

void update(const Adam& op, const Step& s, Element& e) {
  const auto alpha = static_cast<double>(op.alpha), beta = static_cast<double>(op.beta);
  const double g = static_cast<double>(op.norm_coefficient) * e.x + e.g;
  e.v = alpha * e.v + (1 - alpha) * g;
  e.h = beta * e.h + (1 - beta) * g * g;
  const double rate =
      s.step > 0 ? s.rate * std::sqrt(1 - std::pow(beta, s.step)) / (1 - std::pow(alpha, s.step))
                 : s.rate;
  e.x -= rate * e.v / (std::sqrt(e.h) + static_cast<double>(op.epsilon));
  e.x *= 1 - static_cast<double>(op.norm_coefficient_post);
}

void update(const Momentum& op, const Step& s, Element& e) {
  const auto alpha = static_cast<double>(op.alpha);
  const double g = static_cast<double>(op.norm_coefficient) * e.x + e.g;
  e.v = alpha * e.v + (s.step > 0 ? static_cast<double>(op.beta) : 1) * g;
  e.x -= s.rate * (op.mode == "nesterov" ? g + alpha * e.v : e.v);
}

template <class Op>
constexpr size_t kStates = std::is_same_v<Op, Adam> ? 2 : 1;

// The number of tensors that a node optimizes.
template <class Op>
Result<size_t> tensor_count(size_t inputs, size_t outputs) {
  constexpr size_t kGroups = 2 + kStates<Op>;
  const size_t n = (inputs - 2) / kGroups;
  if (inputs < 2 + kGroups || (inputs - 2) % kGroups != 0 || outputs != n * (1 + kStates<Op>)) {
    return invalid_model(
        "{} inputs and {} outputs; wanted are a rate, a step, {} per tensor, and {}", inputs,
        outputs, kGroups, 1 + kStates<Op>);
  }
  return n;
}

template <class Op>
Status infer(const Op& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(c.tensor(0, kAllowed, 0, 1).status());
  FERRY_RETURN_IF_ERROR(c.tensor(1, {DType::kInt64}, 0, 1).status());
  FERRY_RETURN_IF_ERROR(check_scalar(c, 0));
  FERRY_RETURN_IF_ERROR(check_scalar(c, 1));
  if constexpr (std::is_same_v<Op, Momentum>) {
    if (op.mode != "standard" && op.mode != "nesterov") {
      return invalid_model("mode is '{}', wanted is standard or nesterov", op.mode);
    }
  }
  (void)op;
  FERRY_ASSIGN_OR_RETURN(const size_t n, tensor_count<Op>(c.num_inputs(), c.num_outputs()));
  for (size_t i = 2; i < c.num_inputs(); ++i) {
    FERRY_RETURN_IF_ERROR(c.tensor(i, kAllowed).status());
    const size_t first = 2 + (i - 2) % n;
    FERRY_RETURN_IF_ERROR(c.same_dtype(first, i));
    const Type &x = c.type(first), &other = c.type(i);
    if (!x.has_rank() || !other.has_rank()) continue;
    bool fits = x.rank() == other.rank();
    for (size_t a = 0; fits && a < x.rank(); ++a) {
      fits = !Dim::known_different((*x.shape)[a], (*other.shape)[a]);
    }
    if (!fits) return shape_mismatch("input {} is {} for {}", i, other.to_string(), x.to_string());
  }
  // The tensor, its gradient and its states have one shape.
  for (size_t i = 0; i < n; ++i) {
    Type type = c.type(2 + i);
    for (size_t j = 2 + n + i; j < c.num_inputs(); j += n) {
      const Type& other = c.type(j);
      if (!other.has_rank()) continue;
      type.shape = type.has_rank() ? better_known(*type.shape, *other.shape) : other.shape;
    }
    for (size_t s = 0; s <= kStates<Op>; ++s) c.set_type(s * n + i, type);
  }
  return {};
}

template <class Op, class T>
Status run(const Op& op, EvalContext& c, const Step& step, size_t n, size_t i) {
  constexpr bool kTwo = kStates<Op> == 2;
  const Tensor &x = c.input(2 + i), &g = c.input(2 + n + i), &v = c.input(2 + 2 * n + i);
  const Tensor& h = kTwo ? c.input(2 + 3 * n + i) : v;
  if (!(x.dims() == g.dims()) || !(x.dims() == v.dims()) || !(x.dims() == h.dims())) {
    return shape_mismatch("tensor {} is {}, its gradient {}, its state {}", i, x.describe(),
                          g.describe(), v.describe());
  }
  FERRY_ASSIGN_OR_RETURN(Tensor new_x, c.output(i, x.dtype(), x.dims()));
  FERRY_ASSIGN_OR_RETURN(Tensor new_v, c.output(n + i, x.dtype(), x.dims()));
  Tensor new_h;
  if (kTwo) {
    FERRY_ASSIGN_OR_RETURN(new_h, c.output(2 * n + i, x.dtype(), x.dims()));
  }
  return in_ranges(c, x.count(), 32, [&](int64_t from, int64_t to) {
    for (int64_t k = from; k < to; ++k) {
      const auto at = [k](const Tensor& t) { return static_cast<double>(t.data<T>()[k]); };
      Element e{at(x), at(g), at(v), at(h)};
      update(op, step, e);
      new_x.data<T>()[k] = static_cast<T>(e.x);
      new_v.data<T>()[k] = static_cast<T>(e.v);
      if (kTwo) new_h.data<T>()[k] = static_cast<T>(e.h);
    }
  });
}

template <class Op>
Status eval(const Op& op, EvalContext& c) {
  const Tensor& rate = c.input(0);
  if (rate.count() != 1)
    return invalid_argument("the rate is {}, wanted is one number", rate.describe());
  FERRY_ASSIGN_OR_RETURN(const int64_t count, read_int(c.input(1), "the step"));
  const Step step{rate.dtype() == DType::kFloat32 ? static_cast<double>(*rate.data<float>())
                                                  : *rate.data<double>(),
                  static_cast<double>(count)};
  FERRY_ASSIGN_OR_RETURN(const size_t n, tensor_count<Op>(c.num_inputs(), c.num_outputs()));
  for (size_t i = 0; i < n; ++i) {
    if (c.input(2 + i).dtype() == DType::kFloat32) {
      FERRY_RETURN_IF_ERROR((run<Op, float>(op, c, step, n, i)));
    } else {
      FERRY_RETURN_IF_ERROR((run<Op, double>(op, c, step, n, i)));
    }
  }
  return {};
}

}  // namespace

void register_optimizer(OpRegistry& r) {
  r.op<Adagrad>("ai.onnx.preview.training.Adagrad")
      .since(1)
      .inputs(3, Arity::kAny)
      .outputs(1, Arity::kAny)
      .attr("decay_factor", &Adagrad::decay_factor)
      .attr("epsilon", &Adagrad::epsilon)
      .attr("norm_coefficient", &Adagrad::norm_coefficient)
      .infer(infer<Adagrad>)
      .reference(eval<Adagrad>);
  r.op<Adam>("ai.onnx.preview.training.Adam")
      .since(1)
      .inputs(3, Arity::kAny)
      .outputs(1, Arity::kAny)
      .attr("alpha", &Adam::alpha)
      .attr("beta", &Adam::beta)
      .attr("epsilon", &Adam::epsilon)
      .attr("norm_coefficient", &Adam::norm_coefficient)
      .attr("norm_coefficient_post", &Adam::norm_coefficient_post)
      .infer(infer<Adam>)
      .reference(eval<Adam>);
  r.op<Momentum>("ai.onnx.preview.training.Momentum")
      .since(1)
      .inputs(3, Arity::kAny)
      .outputs(1, Arity::kAny)
      .required("alpha", &Momentum::alpha)
      .required("beta", &Momentum::beta)
      .required("norm_coefficient", &Momentum::norm_coefficient)
      .required("mode", &Momentum::mode)
      .infer(infer<Momentum>)
      .reference(eval<Momentum>);
}

}  // namespace ferry
