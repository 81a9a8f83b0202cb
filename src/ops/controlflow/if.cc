// SPDX-License-Identifier: Apache-2.0
#include "ops/controlflow/if.h"

#include "ops/arguments.h"
#include "ops/controlflow/body_types.h"
#include "ops/registry.h"

namespace ferry {
namespace {

Status check_outputs(const InferContext& c, const std::vector<GraphValue>& outputs,
                     const char* branch) {
  if (outputs.size() == c.num_outputs()) return {};
  return invalid_model("{} has {} outputs, the node has {}", branch, outputs.size(),
                       c.num_outputs());
}

// A known condition: the other branch may contradict the shapes that lead here.
Status infer_taken(InferContext& c, size_t index) {
  FERRY_ASSIGN_OR_RETURN(const std::vector<GraphValue> outputs, c.infer_body(index, {}));
  FERRY_RETURN_IF_ERROR(check_outputs(c, outputs, index == 0 ? "then_branch" : "else_branch"));
  const OuterSymbols outer(c, index);
  for (size_t i = 0; i < outputs.size(); ++i) {
    c.set_type(i, outer.exported(c, i, outputs[i].type));
    if (auto known = outer.exported(outputs[i].known)) c.set_known(i, *std::move(known));
  }
  return {};
}

Status infer(const If&, InferContext& c) {
  FERRY_RETURN_IF_ERROR(c.tensor(0, types::kBool).status());
  FERRY_RETURN_IF_ERROR(check_scalar(c, 0));
  const auto condition = c.known(0);
  if (condition && condition->size() == 1 && (*condition)[0].is_constant()) {
    return infer_taken(c, (*condition)[0].is_constant(0) ? 1 : 0);
  }
  FERRY_ASSIGN_OR_RETURN(const std::vector<GraphValue> a, c.infer_body(0, {}));
  FERRY_ASSIGN_OR_RETURN(const std::vector<GraphValue> b, c.infer_body(1, {}));
  FERRY_RETURN_IF_ERROR(check_outputs(c, a, "then_branch"));
  FERRY_RETURN_IF_ERROR(check_outputs(c, b, "else_branch"));
  const OuterSymbols outer(c, 0);
  for (size_t i = 0; i < a.size(); ++i) {
    FERRY_ASSIGN_OR_RETURN(
        const Type merged,
        merge_paths(a[i].type, b[i].type, fmt::format("{}if{}", c.body(0).scope, i)));
    c.set_type(i, outer.exported(c, i, merged));
    if (a[i].known && a[i].known == b[i].known) {
      if (auto known = outer.exported(a[i].known)) c.set_known(i, *std::move(known));
    }
  }
  return {};
}

Status eval(const If&, EvalContext& c) {
  const Tensor& condition = c.input(0);
  if (condition.count() != 1) {
    return invalid_argument("the condition is {}, wanted is one element", condition.describe());
  }
  std::vector<Value> outputs;
  FERRY_RETURN_IF_ERROR(c.run_body(*condition.data<bool>() ? 0 : 1, {}, outputs));
  for (size_t i = 0; i < outputs.size(); ++i) {
    FERRY_RETURN_IF_ERROR(c.set_output(i, std::move(outputs[i])));
  }
  return {};
}

}  // namespace

void register_if(OpRegistry& r) {
  r.op<If>("If")
      .since(25)
      .outputs(1, Arity::kAny)
      .body("then_branch")
      .body("else_branch")
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
