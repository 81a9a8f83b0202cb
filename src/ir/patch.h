// SPDX-License-Identifier: Apache-2.0
// Patch: what a rewrite returns instead of editing: new nodes, and the values they replace.
//
//   PatchBuilder p(graph);
//   const ValueId y = p.add(make_op("Relu"), {x});
//   p.replace(node.outputs[0], y);
//   return std::move(p).build();
#pragma once

#include <utility>
#include <vector>

#include "ir/graph.h"

namespace ferry {

struct Patch {
  ValueId base = 0;                // new value i has the id base + i until the patch is applied
  std::vector<GraphValue> values;  // new values
  std::vector<Node> nodes;         // new nodes, in topological order
  std::vector<std::pair<ValueId, ValueId>> replacements;  // (old, new)
  std::vector<NodeId> origins;  // nodes whose origins the new nodes inherit
  Status status;                // why a new node could not be typed; a bug of the rewrite
};

class PatchBuilder {
 public:
  explicit PatchBuilder(const Graph& graph) : graph_(graph) { patch_.base = graph.num_values(); }

  // A new node with one output, typed by its shape rule.
  ValueId add(Op op, std::vector<ValueId> inputs);
  std::vector<ValueId> add(Op op, std::vector<ValueId> inputs, size_t num_outputs);
  // A new node with bodies.
  std::vector<ValueId> add(Node node, size_t num_outputs);
  ValueId constant(Tensor tensor);
  // All uses of `old` become uses of `with` (an existing or a new value).
  void replace(ValueId old, ValueId with) { patch_.replacements.emplace_back(old, with); }
  // New nodes inherit the origin of `node` besides that of the node the patch is applied at.
  void inherit(NodeId node) { patch_.origins.push_back(node); }

  const GraphValue& value(ValueId id) const {
    return id >= patch_.base ? patch_.values[id - patch_.base] : graph_.value(id);
  }
  const Type& type(ValueId id) const { return value(id).type; }
  Patch build() && { return std::move(patch_); }

 private:
  const Graph& graph_;
  Patch patch_;
};

// Inserts the new nodes before `root` and replaces values. All inputs of new nodes must precede
// `root`. Dead nodes stay; see remove_dead_nodes. Errors: the patch's own status.
Status apply(Graph& graph, NodeId root, Patch patch);

// Removes nodes none of whose outputs are used; returns how many.
size_t remove_dead_nodes(Graph& graph);

}  // namespace ferry
