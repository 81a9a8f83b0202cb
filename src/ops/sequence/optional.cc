// SPDX-License-Identifier: Apache-2.0
#include "ops/sequence/optional.h"

#include "ops/registry.h"

namespace ferry {
namespace {

using Kind = Type::Kind;

Status infer_optional(const OptionalOp& op, InferContext& c) {
  if (c.has_input(0)) {
    c.set_type(0, Type::optional_of(c.type(0)));
    return {};
  }
  if (!op.type) return invalid_model("neither an input nor a type is given");
  c.set_type(0, Type::optional_of(*op.type));
  return {};
}
Status eval_optional(const OptionalOp&, EvalContext& c) {
  return c.set_output(0, c.has_input(0) ? c.value(0) : Value());
}

Status infer_has(const OptionalHasElement&, InferContext& c) {
  c.set_tensor(0, DType::kBool, Shape{});
  const Kind kind = c.type(0).kind;
  if (!c.has_input(0)) c.set_known(0, {0});
  else if (kind == Kind::kTensor || kind == Kind::kSequence) c.set_known(0, {1});
  return {};
}
Status eval_has(const OptionalHasElement&, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kBool, {}));
  *y.data<bool>() = c.has_input(0) && !c.value(0).is_none();
  return {};
}

Status infer_get(const OptionalGetElement&, InferContext& c) {
  const Type& x = c.type(0);
  if (x.kind != Kind::kOptional) {
    if (auto known = c.known(0)) c.set_known(0, *std::move(known));
  }
  c.set_type(0, x.kind == Kind::kOptional ? *x.element : x);
  return {};
}
Status eval_get(const OptionalGetElement&, EvalContext& c) {
  if (c.value(0).is_none()) return invalid_argument("the optional is empty");
  return c.set_output(0, c.value(0));
}

}  // namespace

void register_optional(OpRegistry& r) {
  r.op<OptionalOp>("Optional").since(28).inputs(0, 1).attr("type", &OptionalOp::type)
      .infer(infer_optional).reference(eval_optional);
  r.op<OptionalHasElement>("OptionalHasElement").since(28).inputs(0, 1)
      .infer(infer_has).reference(eval_has);
  r.op<OptionalGetElement>("OptionalGetElement").since(28).infer(infer_get).reference(eval_get);
}

}  // namespace ferry
