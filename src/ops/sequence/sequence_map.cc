// SPDX-License-Identifier: Apache-2.0
#include "ops/sequence/sequence_map.h"

#include "ops/controlflow/body_types.h"
#include "ops/registry.h"
#include "ops/sequence/sequence_argument.h"
#include "ops/small_tensors.h"

namespace ferry {
namespace {

Status infer(const SequenceMap&, InferContext& c) {
  FERRY_RETURN_IF_ERROR(sequence_element(c, 0).status());
  std::vector<GraphValue> inputs;
  const std::string& scope = c.body(0).scope;
  for (size_t i = 0; i < c.num_inputs(); ++i) {
    GraphValue v = input_facts(c, i);
    if (v.type.kind == Type::Kind::kSequence) {
      if (v.type.element->kind == Type::Kind::kUnknown) {
        return invalid_model("input {} is a sequence whose elements have no type", i);
      }
      v.type = Type(*v.type.element);
      v.known.reset();
      // Sizes that differ between elements are the body's own.
      for (size_t a = 0; v.type.shape && a < v.type.shape->size(); ++a) {
        Dim& d = (*v.type.shape)[a];
        if (d.is_invalid()) d = Dim::symbol(fmt::format("%{}element{}.{}", scope, i, a));
      }
    }
    inputs.push_back(std::move(v));
  }
  FERRY_ASSIGN_OR_RETURN(const std::vector<GraphValue> outputs, c.infer_body(0, std::move(inputs)));
  if (outputs.size() != c.num_outputs()) {
    return invalid_model("the body has {} outputs, the node has {}", outputs.size(),
                         c.num_outputs());
  }
  const OuterSymbols outer(c, 0);
  for (size_t i = 0; i < outputs.size(); ++i) {
    c.set_type(i, Type::sequence_of(outer.exported_element(outputs[i].type)));
  }
  return {};
}

Status eval(const SequenceMap&, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Sequence* first, read_sequence(c, 0));
  std::vector<Sequence> results(c.num_outputs());
  for (Sequence& r : results) reserve_many(r, static_cast<int64_t>(first->size()));
  SmallTensors memory(c);
  for (size_t n = 0; n < first->size(); ++n) {
    FERRY_RETURN_IF_ERROR(c.poll());
    std::vector<Value> inputs, outputs;
    for (size_t i = 0; i < c.num_inputs(); ++i) {
      const Value& v = c.value(i);
      if (!v.is_sequence()) {
        inputs.push_back(v);
      } else if (v.sequence().size() == first->size()) {
        inputs.push_back(v.sequence()[n]);
      } else {
        return invalid_argument("input {} has {} elements, input 0 has {}", i, v.sequence().size(),
                                first->size());
      }
    }
    FERRY_RETURN_IF_ERROR(
        c.run_body(0, std::move(inputs), outputs).with_context(fmt::format("element {}", n)));
    if (outputs.size() != results.size()) {
      return invalid_argument("the body gave {} outputs, wanted are {}", outputs.size(),
                              results.size());
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].is_tensor()) {
        FERRY_ASSIGN_OR_RETURN(outputs[i], memory.keep(outputs[i].tensor()));
      }
      results[i].push_back(std::move(outputs[i]));
    }
  }
  for (size_t i = 0; i < results.size(); ++i) {
    FERRY_RETURN_IF_ERROR(c.set_output(i, Value(std::move(results[i]))));
  }
  return {};
}

}  // namespace

void register_sequence_map(OpRegistry& r) {
  r.op<SequenceMap>("SequenceMap")
      .since(17)
      .inputs(1, Arity::kAny)
      .outputs(1, Arity::kAny)
      .body("body")
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
