// SPDX-License-Identifier: Apache-2.0
#include "ir/patch.h"

#include <algorithm>

#include "base/status.h"
#include "ir/infer.h"

namespace ferry {

ValueId PatchBuilder::add(Op op, std::vector<ValueId> inputs) {
  return add(std::move(op), std::move(inputs), 1)[0];
}

std::vector<ValueId> PatchBuilder::add(Op op, std::vector<ValueId> inputs, size_t num_outputs) {
  Node node;
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  return add(std::move(node), num_outputs);
}

std::vector<ValueId> PatchBuilder::add(Node node, size_t num_outputs) {
  for (size_t i = 0; i < num_outputs; ++i) {
    GraphValue v;
    v.name = fmt::format("{}v{}", graph_.scope, patch_.base + patch_.values.size());
    node.outputs.push_back(patch_.base + static_cast<ValueId>(patch_.values.size()));
    patch_.values.push_back(std::move(v));
  }
  const std::vector<ValueId> outputs = node.outputs;
  std::vector<const GraphValue*> in;
  for (ValueId v : node.inputs) in.push_back(v == kNone ? nullptr : &value(v));
  std::vector<GraphValue*> out;
  for (ValueId v : outputs) out.push_back(&patch_.values[v - patch_.base]);
  InferContext context(node.op, std::move(in), std::move(out), node.bodies, node.num_captures);
  Status status = node.op.def().infer(node.op, context).with_context(node.describe());
  if (patch_.status.ok()) patch_.status = std::move(status);
  patch_.nodes.push_back(std::move(node));
  return outputs;
}

ValueId PatchBuilder::constant(Tensor tensor) {
  GraphValue v;
  v.name = fmt::format("{}v{}", graph_.scope, patch_.base + patch_.values.size());
  v.type = Type::tensor(tensor.dtype(), shape_of(tensor.dims()));
  v.constant = std::move(tensor);
  patch_.values.push_back(std::move(v));
  return patch_.base + static_cast<ValueId>(patch_.values.size()) - 1;
}

Status apply(Graph& graph, NodeId root, Patch patch) {
  FERRY_RETURN_IF_ERROR(patch.status);
  if (patch.base != graph.num_values()) return internal_error("a patch was applied late");
  std::vector<const Origin*> origins = {graph.node(root).origin.get()};
  for (NodeId id : patch.origins) origins.push_back(graph.node(id).origin.get());
  const auto origin = patch.origins.empty()
                          ? graph.node(root).origin
                          : std::make_shared<const Origin>(Origin::merge(origins));
  for (GraphValue& v : patch.values) {
    const ValueId id = graph.add_value(v.name, v.type);
    graph.value(id) = std::move(v);
  }
  for (Node& n : patch.nodes) {
    n.origin = origin;
    if (n.name.empty()) n.name = graph.node(root).name;
    graph.add_node(std::move(n), root);
  }
  for (const auto& [from, to] : patch.replacements) graph.replace_uses(from, to);
  return {};
}

size_t remove_dead_nodes(Graph& graph) {
  std::vector<uint8_t> is_output(graph.num_values(), 0);
  for (ValueId v : graph.outputs()) is_output[v] = 1;
  const auto unused = [&](ValueId v) {
    return v == kNone || (graph.value(v).users.empty() && !is_output[v]);
  };
  size_t removed = 0;
  const std::vector<NodeId> order = graph.order();
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const Node& n = graph.node(*it);
    if (!std::all_of(n.outputs.begin(), n.outputs.end(), unused)) continue;
    graph.remove_node(*it);
    ++removed;
  }
  return removed;
}

}  // namespace ferry
