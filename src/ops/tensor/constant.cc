// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/constant.h"

#include <algorithm>

#include "ops/registry.h"
#include "tensor/int_contents.h"

namespace ferry {
namespace {

template <class T>
Result<Tensor> list(const std::vector<T>& values) {
  FERRY_ASSIGN_OR_RETURN(
      Tensor t, Tensor::allocate(dtype_of<T>(), Dims{static_cast<int64_t>(values.size())}));
  std::copy(values.begin(), values.end(), t.data<T>());
  return t;
}

template <class T>
Result<Tensor> scalar(const T& value) {
  FERRY_ASSIGN_OR_RETURN(Tensor t, Tensor::allocate(dtype_of<T>(), Dims{}));
  *t.data<T>() = value;
  return t;
}

Result<Tensor> value_of(const Constant& op) {
  if (op.value.defined()) return op.value;
  if (op.value_float) return scalar(*op.value_float);
  if (op.value_int) return scalar(*op.value_int);
  if (op.value_string) return scalar(*op.value_string);
  if (op.value_floats) return list(*op.value_floats);
  if (op.value_ints) return list(*op.value_ints);
  if (op.value_strings) return list(*op.value_strings);
  return invalid_model("no value is given");
}

Status infer(const Constant& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Tensor value, value_of(op));
  c.set_tensor(0, value.dtype(), shape_of(value.dims()));
  if (static_cast<size_t>(value.count()) <= kMaxKnownInts) {
    if (const auto ints = int_contents(value))
      c.set_known(0, KnownInts(ints->begin(), ints->end()));
  }
  return {};
}

Status eval(const Constant& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(Tensor value, value_of(op));
  return c.set_output(0, std::move(value));
}

}  // namespace

void register_constant(OpRegistry& r) {
  r.op<Constant>("Constant")
      .since(25)
      .inputs(0)
      .attr("value", &Constant::value)
      .attr("value_float", &Constant::value_float)
      .attr("value_int", &Constant::value_int)
      .attr("value_string", &Constant::value_string)
      .attr("value_floats", &Constant::value_floats)
      .attr("value_ints", &Constant::value_ints)
      .attr("value_strings", &Constant::value_strings)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
