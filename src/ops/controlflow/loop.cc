// SPDX-License-Identifier: Apache-2.0
#include "ops/controlflow/loop.h"

#include "ops/arguments.h"
#include "ops/controlflow/body_types.h"
#include "ops/controlflow/stack_outputs.h"
#include "ops/registry.h"
#include "ops/small_tensors.h"

namespace ferry {
namespace {

size_t num_carried(size_t num_inputs) { return num_inputs < 2 ? 0 : num_inputs - 2; }

// The number of iterations when the condition provably stays true.
std::optional<Dim> trip_count(const InferContext& c, const GraphValue& condition) {
  if (!condition.known || condition.known->size() != 1 || !(*condition.known)[0].is_constant(1)) {
    return std::nullopt;
  }
  const auto trips = c.known(0);
  if (!trips || trips->size() != 1) return std::nullopt;
  return Dim::known_at_least((*trips)[0], 0) ? (*trips)[0] : max((*trips)[0], 0);
}

Status infer(const Loop&, InferContext& c) {
  if (c.has_input(0)) {
    FERRY_RETURN_IF_ERROR(c.tensor(0, {DType::kInt64}, 0, 1).status());
    FERRY_RETURN_IF_ERROR(check_scalar(c, 0));
  }
  // facts[0] is the condition, then what the loop carries.
  std::vector<GraphValue> facts(1);
  facts[0].type = Type::tensor(DType::kBool, Shape{});
  facts[0].known = KnownInts{1};
  if (c.has_input(1)) {
    FERRY_RETURN_IF_ERROR(c.tensor(1, types::kBool, 0, 1).status());
    FERRY_RETURN_IF_ERROR(check_scalar(c, 1));
    facts[0] = input_facts(c, 1);
  }
  const size_t carried = num_carried(c.num_inputs());
  for (size_t i = 0; i < carried; ++i) facts.push_back(input_facts(c, i + 2));

  std::vector<GraphValue> outputs;
  const auto infer_body =
      [&](const std::vector<GraphValue>& before) -> Result<std::vector<GraphValue>> {
    std::vector<GraphValue> inputs(1);
    inputs[0].type = Type::tensor(DType::kInt64, Shape{});
    inputs.insert(inputs.end(), before.begin(), before.end());
    FERRY_ASSIGN_OR_RETURN(outputs, c.infer_body(0, std::move(inputs)));
    if (outputs.size() != c.num_outputs() + 1 || outputs.size() < carried + 1) {
      return invalid_model("the body has {} outputs, the node has {} and carries {}",
                           outputs.size(), c.num_outputs(), carried);
    }
    return std::vector<GraphValue>(outputs.begin(),
                                   outputs.begin() + static_cast<std::ptrdiff_t>(carried) + 1);
  };
  FERRY_RETURN_IF_ERROR(settle_carried(facts, c.body(0).scope, infer_body));

  const OuterSymbols outer(c, 0);
  for (size_t i = 0; i < carried; ++i) {
    c.set_type(i, outer.exported(c, i, facts[i + 1].type));
    if (auto known = outer.exported(facts[i + 1].known)) c.set_known(i, *std::move(known));
  }
  const Dim trips = trip_count(c, facts[0]).value_or(Dim::invalid());
  for (size_t i = carried; i < c.num_outputs(); ++i) {
    c.set_type(i, stacked_type(c, i, outer, outputs[i + 1].type, trips, 0));
  }
  return {};
}

Result<bool> condition_of(const Value& v) {
  if (!v.is_tensor() || v.tensor().dtype() != DType::kBool || v.tensor().count() != 1) {
    return invalid_argument("the condition is {}, wanted is one bool", v.describe());
  }
  return *v.tensor().data<bool>();
}

Status eval(const Loop&, EvalContext& c) {
  int64_t trips = INT64_MAX;
  if (c.has_input(0)) {
    FERRY_ASSIGN_OR_RETURN(trips, read_int(c.input(0), "the trip count"));
  }
  bool goes_on = true;
  Dims condition_dims;
  if (c.has_input(1)) {
    FERRY_ASSIGN_OR_RETURN(goes_on, condition_of(c.value(1)));
    condition_dims = c.input(1).dims();
  }
  const size_t carried = num_carried(c.num_inputs());
  std::vector<Value> state;
  for (size_t i = 0; i < carried; ++i)
    state.push_back(c.has_input(i + 2) ? c.value(i + 2) : Value());
  std::vector<std::vector<Tensor>> scans(c.num_outputs() - carried);
  SmallTensors memory(c);
  for (int64_t i = 0; i < trips && goes_on; ++i) {
    FERRY_RETURN_IF_ERROR(c.poll());
    FERRY_ASSIGN_OR_RETURN(Tensor iteration, Tensor::allocate(DType::kInt64, Dims{}, c.budget()));
    FERRY_ASSIGN_OR_RETURN(Tensor condition,
                           Tensor::allocate(DType::kBool, condition_dims, c.budget()));
    *iteration.data<int64_t>() = i;
    *condition.data<bool>() = true;
    std::vector<Value> inputs = {iteration, condition}, outputs;
    for (Value& v : state) inputs.push_back(std::move(v));
    FERRY_RETURN_IF_ERROR(
        c.run_body(0, std::move(inputs), outputs).with_context(fmt::format("iteration {}", i)));
    if (outputs.size() != c.num_outputs() + 1) {
      return invalid_argument("the body gave {} outputs, wanted are {}", outputs.size(),
                              c.num_outputs() + 1);
    }
    FERRY_ASSIGN_OR_RETURN(goes_on, condition_of(outputs[0]));
    for (size_t k = 0; k < carried; ++k) state[k] = std::move(outputs[k + 1]);
    for (size_t k = 0; k < scans.size(); ++k) {
      const Value& v = outputs[k + 1 + carried];
      if (!v.is_tensor()) {
        return invalid_argument("scan output {} is {}, wanted is a tensor", k, v.describe());
      }
      FERRY_ASSIGN_OR_RETURN(Tensor kept, memory.keep(v.tensor()));
      scans[k].push_back(std::move(kept));
    }
  }
  for (size_t i = 0; i < carried; ++i) FERRY_RETURN_IF_ERROR(c.set_output(i, std::move(state[i])));
  for (size_t k = 0; k < scans.size(); ++k) {
    FERRY_RETURN_IF_ERROR(stack_outputs(c, carried + k, std::move(scans[k]), 0));
  }
  return {};
}

}  // namespace

void register_loop(OpRegistry& r) {
  r.op<Loop>("Loop")
      .since(25)
      .inputs(0, Arity::kAny)
      .outputs(0, Arity::kAny)
      .body("body")
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
