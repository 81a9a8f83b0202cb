// SPDX-License-Identifier: Apache-2.0
#include "ops/fusion/group.h"

#include "ops/registry.h"

namespace ferry {
namespace {

Status infer(const Group&, InferContext& c) {
  std::vector<GraphValue> facts;
  for (size_t i = 0; i < c.num_inputs(); ++i) {
    GraphValue v;
    v.type = c.type(i);
    v.known = c.known(i);
    facts.push_back(std::move(v));
  }
  FERRY_ASSIGN_OR_RETURN(const std::vector<GraphValue> outputs, c.infer_body(0, std::move(facts)));
  for (size_t i = 0; i < outputs.size(); ++i) c.set_type(i, outputs[i].type);
  return {};
}

Status eval(const Group&, EvalContext& c) {
  std::vector<Value> inputs, outputs;
  for (size_t i = 0; i < c.num_inputs(); ++i) inputs.push_back(c.value(i));
  FERRY_RETURN_IF_ERROR(c.run_body(0, std::move(inputs), outputs));
  for (size_t i = 0; i < outputs.size(); ++i) {
    FERRY_RETURN_IF_ERROR(c.set_output(i, std::move(outputs[i])));
  }
  return {};
}

}  // namespace

void register_group(OpRegistry& r) {
  r.op<Group>("ferry.Group")
      .inputs(0, Arity::kAny)
      .outputs(1, Arity::kAny)
      .body("body")
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
