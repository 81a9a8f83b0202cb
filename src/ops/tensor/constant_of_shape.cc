// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/constant_of_shape.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/in_ranges.h"
#include "ops/known.h"
#include "ops/move.h"
#include "ops/registry.h"
#include "tensor/int_contents.h"
#include "tensor/size.h"

namespace ferry {
namespace {

DType dtype_of_value(const ConstantOfShape& op) {
  return op.value.defined() ? op.value.dtype() : DType::kFloat32;
}

Status infer(const ConstantOfShape& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(c.tensor(0, {DType::kInt64}, 1, 1).status());
  const DType dtype = dtype_of_value(op);
  if (op.value.defined() && op.value.count() != 1) {
    return invalid_model("value is {}, wanted is one element", op.value.describe());
  }
  const auto shape = c.partly_known(0);
  if (!shape) {
    const auto rank = constant_count(c, 0);
    if (rank) FERRY_RETURN_IF_ERROR(check_rank(static_cast<size_t>(*rank)));
    c.set_tensor(
        0, dtype,
        rank ? std::optional<Shape>(c.fresh_shape(0, static_cast<size_t>(*rank))) : std::nullopt);
    return {};
  }
  FERRY_RETURN_IF_ERROR(check_rank(shape->size()));
  for (const Dim& d : *shape) {
    if (d.is_constant() && d.constant() < 0) {
      return invalid_model("shape {} has a negative dimension", to_string(*shape));
    }
  }
  c.set_tensor(0, dtype, *shape);
  const auto value = op.value.defined() ? int_contents(op.value) : std::nullopt;
  const auto dims = constant_dims(*shape);
  if (!value || !dims) return {};
  const Result<int64_t> count = checked_count(*dims);
  if (count.ok() && *count <= static_cast<int64_t>(kMaxKnownInts)) {
    c.set_known(0, KnownInts(static_cast<size_t>(*count), Dim((*value)[0])));
  }
  return {};
}

Status eval(const ConstantOfShape& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Ints shape, read_ints(c.input(0), "shape"));
  FERRY_ASSIGN_OR_RETURN(const Dims dims, make_dims(shape));
  FERRY_ASSIGN_OR_RETURN(MovedOutput y, moved_output(c, 0, dtype_of_value(op), dims));
  Tensor value;
  if (op.value.defined()) {
    FERRY_ASSIGN_OR_RETURN(value, unpacked(c, op.value));
  }
  FERRY_RETURN_IF_ERROR(visit_storage(y.tensor.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    const T each = value.defined() ? *value.data<T>() : T{};
    return in_ranges(c, y.tensor.count(), 1, [&](int64_t from, int64_t to) {
      std::fill(y.tensor.data<T>() + from, y.tensor.data<T>() + to, each);
    });
  }));
  return y.finish(c);
}

}  // namespace

void register_constant_of_shape(OpRegistry& r) {
  r.op<ConstantOfShape>("ConstantOfShape")
      .since(25)
      .attr("value", &ConstantOfShape::value)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
