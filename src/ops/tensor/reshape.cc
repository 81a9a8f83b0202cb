// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/reshape.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/registry.h"
#include "tensor/size.h"

namespace ferry {
namespace {

Dim product(const Shape& dims) {
  Dim p = 1;
  for (const Dim& d : dims) p = p * d;
  return p;
}

}  // namespace

Result<Dim> remaining_dim(Shape x, const Shape& others) {
  Shape rest;
  for (const Dim& d : others) {
    const auto same = std::find(x.begin(), x.end(), d);
    if (same != x.end())
      x.erase(same);
    else
      rest.push_back(d);
  }
  const Dim count = product(x), divisor = product(rest);
  if (divisor.is_constant(0)) {
    return shape_mismatch("-1 next to a dimension of 0 has no one answer");
  }
  if (count.is_constant() && divisor.is_constant() && count.constant() % divisor.constant() != 0) {
    return shape_mismatch("{} elements do not divide by {}", count.to_string(),
                          divisor.to_string());
  }
  return floor_div(count, divisor);
}

namespace {

// The dims of the output. `x` is nullptr when its rank is not known.
Result<Shape> target_shape(const Reshape& op, const Shape* x, const KnownInts& target,
                           const InferContext* c) {
  Shape out;
  std::optional<size_t> inferred;
  for (size_t i = 0; i < target.size(); ++i) {
    const Dim& d = target[i];
    if (d.is_constant(-1)) {
      if (inferred) return invalid_model("shape {} has -1 twice", to_string(target));
      inferred = i;
    } else if (d.is_constant() && d.constant() < 0) {
      return invalid_model("shape {} has a dimension below -1", to_string(target));
    }
    if (!d.is_constant(0) || op.allowzero) {
      out.push_back(d);
    } else if (x == nullptr) {
      out.push_back(c->fresh_dim(0, i));
    } else if (i < x->size()) {
      out.push_back((*x)[i]);
    } else {
      return shape_mismatch("shape {} copies axis {} of x {}", to_string(target), i, to_string(*x));
    }
  }
  if (inferred) {
    if (x == nullptr) {
      out[*inferred] = c->fresh_dim(0, *inferred);
      return out;
    }
    Shape others = out;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(*inferred));
    const Result<Dim> d = remaining_dim(*x, others);
    if (!d.ok()) {
      return d.status().with_context(
          fmt::format("x {} to shape {}", to_string(*x), to_string(target)));
    }
    out[*inferred] = *d;
  }
  if (x != nullptr) {
    const Dim before = product(*x), after = product(out);
    if (before.is_constant() && after.is_constant() && !(before == after)) {
      return shape_mismatch("x {} has {} elements, shape {} has {}", to_string(*x),
                            before.to_string(), to_string(target), after.to_string());
    }
  }
  return out;
}

Status infer(const Reshape& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0));
  FERRY_RETURN_IF_ERROR(c.tensor(1, TypeSet{DType::kInt64}, 0, 1).status());
  if (auto known = c.partly_known(0)) c.set_known(0, *std::move(known));
  if (const auto target = c.partly_known(1)) {
    FERRY_RETURN_IF_ERROR(check_rank(target->size()));
    FERRY_ASSIGN_OR_RETURN(Shape shape,
                           target_shape(op, x.shape ? &*x.shape : nullptr, *target, &c));
    c.set_tensor(0, x.dtype, std::move(shape));
    return {};
  }
  std::optional<Shape> shape;
  if (const auto rank = constant_count(c, 1)) {
    FERRY_RETURN_IF_ERROR(check_rank(static_cast<size_t>(*rank)));
    shape = c.fresh_shape(0, static_cast<size_t>(*rank));
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

Status eval(const Reshape& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Ints target, read_ints(c.input(1), "shape"));
  FERRY_RETURN_IF_ERROR(check_rank(target.size()));
  const Shape from = shape_of(x.dims());
  FERRY_ASSIGN_OR_RETURN(const Shape shape,
                         target_shape(op, &from, KnownInts(target.begin(), target.end()), nullptr));
  const std::optional<Dims> dims = constant_dims(shape);
  if (!dims) return limit_exceeded("the number of elements of {} overflows", to_string(shape));
  FERRY_ASSIGN_OR_RETURN(const int64_t count, checked_count(*dims));
  if (count != x.count()) {
    return shape_mismatch("x is {}, shape {} has {} elements", x.describe(), dims->to_string(),
                          count);
  }
  return c.set_output(0, x.reshaped(*dims));
}

Status infer_flatten(const Flatten& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0));
  if (auto known = c.partly_known(0)) c.set_known(0, *std::move(known));
  if (!x.shape) {
    c.set_tensor(0, x.dtype, c.fresh_shape(0, 2));
    return {};
  }
  // axis == rank is allowed: everything before.
  const auto rank = static_cast<int64_t>(x.rank());
  if (op.axis < -rank || op.axis > rank) {
    return invalid_model("axis {} outside [{}, {}]", op.axis, -rank, rank);
  }
  const auto split = x.shape->begin() + (op.axis < 0 ? op.axis + rank : op.axis);
  c.set_tensor(
      0, x.dtype,
      Shape{product(Shape(x.shape->begin(), split)), product(Shape(split, x.shape->end()))});
  return {};
}

Status eval_flatten(const Flatten& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  const auto rank = static_cast<int64_t>(x.rank());
  if (op.axis < -rank || op.axis > rank) {
    return invalid_argument("axis {} outside [{}, {}]", op.axis, -rank, rank);
  }
  const auto split = static_cast<size_t>(op.axis < 0 ? op.axis + rank : op.axis);
  return c.set_output(0, x.reshaped({x.dims().count(0, split), x.dims().count(split, x.rank())}));
}

}  // namespace

void register_reshape(OpRegistry& r) {
  r.op<Reshape>("Reshape")
      .since(25)
      .inputs(2)
      .attr("allowzero", &Reshape::allowzero)
      .infer(infer)
      .reference(eval);
  r.op<Flatten>("Flatten")
      .since(25)
      .attr("axis", &Flatten::axis)
      .infer(infer_flatten)
      .reference(eval_flatten);
}

}  // namespace ferry
