// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/squeeze.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/registry.h"

namespace ferry {
namespace {

// The dims without `axes`; those must be 1 (or may turn out to be).
Result<Shape> squeezed(const Shape& x, std::span<const size_t> axes) {
  Shape out;
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) {
      out.push_back(x[i]);
    } else if (Dim::known_different(x[i], 1)) {
      return shape_mismatch("axis {} of x {} is not 1", i, to_string(x));
    }
  }
  return out;
}

Result<Shape> unsqueezed(const Shape& x, std::span<const int64_t> axes) {
  const size_t rank = x.size() + axes.size();
  FERRY_RETURN_IF_ERROR(check_rank(rank));
  FERRY_ASSIGN_OR_RETURN(const Axes at, normalize_axes(axes, rank));
  Shape out;
  auto next = x.begin();
  for (size_t i = 0; i < rank; ++i) {
    out.push_back(std::find(at.begin(), at.end(), i) != at.end() ? Dim(1) : *next++);
  }
  return out;
}

Result<std::optional<Shape>> squeezed_type(const Type& x, InferContext& c) {
  if (!x.shape) return std::optional<Shape>();
  if (!c.has_input(1)) {
    Shape out;
    for (const Dim& d : *x.shape) {
      if (d.is_constant(1)) continue;
      // A symbol may turn out to be 1, and then the rank is another.
      if (!Dim::known_different(d, 1)) return std::optional<Shape>();
      out.push_back(d);
    }
    return std::optional<Shape>(std::move(out));
  }
  if (const auto axes = c.constant_ints(1)) {
    FERRY_ASSIGN_OR_RETURN(const Axes at, normalize_axes(*axes, x.rank()));
    FERRY_ASSIGN_OR_RETURN(Shape out, squeezed(*x.shape, at));
    return std::optional<Shape>(std::move(out));
  }
  const auto n = constant_count(c, 1);
  if (!n || *n > static_cast<int64_t>(x.rank())) return std::optional<Shape>();
  return std::optional<Shape>(c.fresh_shape(0, x.rank() - static_cast<size_t>(*n)));
}

Status infer_squeeze(const Squeeze&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0));
  if (c.has_input(1)) FERRY_RETURN_IF_ERROR(c.tensor(1, {DType::kInt64}, 0, 1).status());
  if (auto known = c.partly_known(0)) c.set_known(0, *std::move(known));
  FERRY_ASSIGN_OR_RETURN(std::optional<Shape> shape, squeezed_type(x, c));
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

Status set_reshaped(EvalContext& c, const Shape& shape) {
  return c.set_output(0, c.input(0).reshaped(*constant_dims(shape)));
}

Status eval_squeeze(const Squeeze&, EvalContext& c) {
  const Tensor& x = c.input(0);
  const Shape from = shape_of(x.dims());
  Axes axes;
  if (c.has_input(1)) {
    FERRY_ASSIGN_OR_RETURN(const Ints ints, read_ints(c.input(1), "axes"));
    FERRY_ASSIGN_OR_RETURN(axes, normalize_axes(ints, x.rank()));
  } else {
    for (size_t i = 0; i < x.rank(); ++i) {
      if (x.dim(i) == 1) axes.push_back(i);
    }
  }
  FERRY_ASSIGN_OR_RETURN(const Shape shape, squeezed(from, axes));
  return set_reshaped(c, shape);
}

Status infer_unsqueeze(const Unsqueeze&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0));
  FERRY_RETURN_IF_ERROR(c.tensor(1, {DType::kInt64}, 0, 1).status());
  if (auto known = c.partly_known(0)) c.set_known(0, *std::move(known));
  std::optional<Shape> shape;
  if (x.shape) {
    if (const auto axes = c.constant_ints(1)) {
      FERRY_ASSIGN_OR_RETURN(shape, unsqueezed(*x.shape, *axes));
    } else if (const auto n = constant_count(c, 1)) {
      FERRY_RETURN_IF_ERROR(check_rank(x.rank() + static_cast<size_t>(*n)));
      shape = c.fresh_shape(0, x.rank() + static_cast<size_t>(*n));
    }
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

Status eval_unsqueeze(const Unsqueeze&, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Ints axes, read_ints(c.input(1), "axes"));
  FERRY_ASSIGN_OR_RETURN(const Shape shape, unsqueezed(shape_of(c.input(0).dims()), axes));
  return set_reshaped(c, shape);
}

}  // namespace

void register_squeeze(OpRegistry& r) {
  r.op<Squeeze>("Squeeze").since(25).inputs(1, 2).infer(infer_squeeze).reference(eval_squeeze);
  r.op<Unsqueeze>("Unsqueeze").since(25).inputs(2).infer(infer_unsqueeze).reference(eval_unsqueeze);
}

}  // namespace ferry
