// SPDX-License-Identifier: Apache-2.0
#include "onnx/export_names.h"

#include <set>

#include "base/status.h"
#include "ops/registry.h"

namespace ferry::onnx {
namespace {

void separate_outputs(Graph& graph, bool is_body) {
  std::vector<ValueId> outputs = graph.outputs();
  const std::vector<std::string> names = graph.output_names();
  std::set<ValueId> taken(graph.inputs().begin(), graph.inputs().end());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ValueId v = outputs[i];
    if (!is_body && graph.is_input(v) && graph.value(v).name == names[i]) continue;
    if (taken.insert(v).second) {
      graph.value(v).name = names[i];
      continue;
    }
    outputs[i] = graph.add_value(names[i], graph.value(v).type);
    Node copy;
    copy.name = names[i];
    copy.op = make_op("Identity");
    copy.inputs = {v};
    copy.outputs = {outputs[i]};
    graph.add_node(std::move(copy));
  }
  graph.set_outputs(std::move(outputs));
  for (NodeId id = graph.first(); id != kNone; id = graph.next(id)) {
    for (const auto& body : graph.node(id).bodies) separate_outputs(*body, true);
  }
}

}  // namespace

std::string UsedNames::unique(const std::string& wanted) {
  const auto [known, fresh] = used_.try_emplace(wanted, 0);
  if (fresh) return wanted;
  int& last = known->second;
  std::string name;
  do {
    name = fmt::format("{}_{}", wanted, ++last);
  } while (!used_.try_emplace(name, 0).second);
  return name;
}

void separate_outputs(Graph& graph) { separate_outputs(graph, false); }

GraphNames name_graph(const Graph& graph, const GivenNames& captures, UsedNames& used) {
  GraphNames names{.values = std::vector<std::string>(graph.num_values()),
                   .nodes = std::vector<std::string>(graph.num_nodes())};
  for (const auto& [id, name] : captures) names.values[id] = name;
  const auto name_value = [&](ValueId v) {
    if (names.values[v].empty()) names.values[v] = used.unique(graph.value(v).name);
  };
  // The interface first: it keeps its names.
  for (ValueId v : graph.inputs()) name_value(v);
  for (ValueId v : graph.outputs()) name_value(v);
  for (ValueId v = 0; v < graph.num_values(); ++v) name_value(v);
  UsedNames used_by_nodes;
  for (NodeId id = graph.first(); id != kNone; id = graph.next(id)) {
    const std::string& name = graph.node(id).name;
    if (!name.empty()) names.nodes[id] = used_by_nodes.unique(name);
  }
  return names;
}

}  // namespace ferry::onnx
