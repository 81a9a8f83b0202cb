// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/concat.h"

#include "ops/arguments.h"
#include "ops/registry.h"
#include "ops/tensor/concatenate.h"

namespace ferry {
namespace {

// Joins the shape of input i into `out`.
Status join(Shape& out, const Shape& x, size_t axis, size_t i) {
  if (x.size() != out.size()) {
    return shape_mismatch("input {} is {}, input 0 has rank {}", i, to_string(x), out.size());
  }
  for (size_t a = 0; a < x.size(); ++a) {
    if (a == axis) {
      out[a] = out[a] + x[a];
    } else if (Dim::known_different(out[a], x[a])) {
      return shape_mismatch("input {} is {}, its axis {} must be {}", i, to_string(x), a,
                            out[a].to_string());
    } else if (x[a].is_constant()) {
      out[a] = x[a];
    }
  }
  return {};
}

Status infer(const Concat& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type first, c.tensor(0, types::kAll, 1));
  std::optional<Shape> shape = first.shape;
  size_t axis = 0;
  if (shape) {
    FERRY_ASSIGN_OR_RETURN(axis, normalize_axis(op.axis, first.rank()));
  }
  for (size_t i = 1; i < c.num_inputs(); ++i) {
    FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(i, types::kAll, 1));
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
    if (shape && x.shape) {
      FERRY_RETURN_IF_ERROR(join(*shape, *x.shape, axis, i));
    } else if (shape) {
      (*shape)[axis] = Dim::invalid();  // made a fresh one when set
    } else if (x.shape) {
      shape = x.shape;
      FERRY_ASSIGN_OR_RETURN(axis, normalize_axis(op.axis, x.rank()));
      (*shape)[axis] = Dim::invalid();
    }
  }
  if (shape && shape->size() == 1) {
    KnownInts values;
    bool all = true;
    for (size_t i = 0; i < c.num_inputs() && all; ++i) {
      const auto known = c.partly_known(i);
      const auto count =
          known ? static_cast<int64_t>(known->size()) : constant_count(c, i).value_or(-1);
      all = count >= 0 && values.size() + static_cast<size_t>(count) <= kMaxKnownInts;
      if (known && all) values.insert(values.end(), known->begin(), known->end());
      if (!known && all) values.insert(values.end(), static_cast<size_t>(count), Dim::invalid());
    }
    if (all) c.set_known(0, std::move(values));
  }
  c.set_tensor(0, first.dtype, std::move(shape));
  return {};
}

Status eval(const Concat& op, EvalContext& c) {
  std::vector<Tensor> parts;
  for (size_t i = 0; i < c.num_inputs(); ++i) parts.push_back(c.input(i));
  if (parts[0].rank() == 0) return shape_mismatch("inputs are scalars");
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, parts[0].rank()));
  return concatenate(c, parts, axis, 0);
}

}  // namespace

void register_concat(OpRegistry& r) {
  r.op<Concat>("Concat")
      .since(13)
      .inputs(1, Arity::kAny)
      .required("axis", &Concat::axis)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
