// SPDX-License-Identifier: Apache-2.0
// GraphBuilder: calls of functions that the model defines are replaced by their nodes.
#include <algorithm>

#include "base/status.h"
#include "onnx/attributes.h"
#include "onnx/graph_builder.h"

namespace ferry::onnx {

// Errors: attributes that the function does not declare. Defaults fill in what the call leaves out.
static Status complete_attributes(Wire& wire, TensorReader& tensors, const FunctionProto& function,
                                  SourceNode& call) {
  if (!call.bodies.empty()) {
    return unsupported_op("graph attribute '{}' of a function's call is not supported",
                          call.bodies[0].first);
  }
  const auto declares = [&](std::string_view name) {
    return std::find(function.attributes.begin(), function.attributes.end(), name) !=
               function.attributes.end() ||
           std::any_of(function.attribute_defaults.begin(), function.attribute_defaults.end(),
                       [&](const AttributeProto& a) { return a.name == name; });
  };
  for (const auto& [name, value] : call.attrs) {
    if (!declares(name) && !name.starts_with('_')) {
      return invalid_model("attribute '{}' is not known to the function", name);
    }
  }
  for (const AttributeProto& a : function.attribute_defaults) {
    if (call.find(a.name) != nullptr) continue;
    FERRY_ASSIGN_OR_RETURN(AttrValue value, read_attribute(wire, tensors, a));
    call.set(a.name, std::move(value));
  }
  return {};
}

Status GraphBuilder::inline_function(Scope& scope, const NodeProto& proto,
                                     const Functions::Function& function) {
  const FunctionProto& f = *function.proto;
  if (active_.size() >= wire_.limits().max_graph_depth) {
    return limit_exceeded("functions call functions more than {} deep (max_graph_depth)",
                          wire_.limits().max_graph_depth);
  }
  if (!active_.insert(&f).second) {
    return invalid_model("function '{}' calls itself", full_name(f.domain, f.name));
  }
  FERRY_ASSIGN_OR_RETURN(SourceNode call, read_node(scope, proto));
  FERRY_RETURN_IF_ERROR(complete_attributes(wire_, tensors_, f, call));
  if (call.inputs.size() > f.inputs.size() || proto.outputs.size() > f.outputs.size()) {
    return invalid_model("has {} inputs and {} outputs, the function has {} and {}",
                         call.inputs.size(), proto.outputs.size(), f.inputs.size(),
                         f.outputs.size());
  }
  call.inputs.resize(f.inputs.size(), kNone);

  Scope callee;
  callee.graph = scope.graph;
  callee.opsets = &function.opsets;
  callee.call_attrs = &call.attrs;
  callee.prefix = call.name + "/";
  callee.top = scope.top;
  for (size_t i = 0; i < f.inputs.size(); ++i) {
    FERRY_RETURN_IF_ERROR(define(callee, f.inputs[i], call.inputs[i]));
  }
  std::vector<std::pair<std::string_view, ValueId>> results;
  for (size_t i = 0; i < proto.outputs.size(); ++i) {
    FERRY_ASSIGN_OR_RETURN(const ValueId id, define_output(scope, proto.outputs[i]));
    if (id == kNone) continue;
    results.emplace_back(f.outputs[i], id);
    callee.results.emplace(f.outputs[i], id);
  }
  FERRY_RETURN_IF_ERROR(import_nodes(callee, f.nodes, function.order));
  active_.erase(&f);
  for (const auto& [name, id] : results) {
    FERRY_ASSIGN_OR_RETURN(const ValueId local, use(callee, name, "output of a function"));
    if (local == id) continue;
    // An input passed on, or one value for two outputs.
    SourceNode identity;
    identity.op_type = "Identity";
    identity.name = call.name;
    identity.origin = call.origin;
    identity.inputs = {local};
    identity.outputs = {id};
    FERRY_RETURN_IF_ERROR(add_node(scope, std::move(identity)));
  }
  return {};
}

}  // namespace ferry::onnx
