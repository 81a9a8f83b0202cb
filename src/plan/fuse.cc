// SPDX-License-Identifier: Apache-2.0
#include "plan/fuse.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/status.h"
#include "ir/patch.h"
#include "ops/fusion/group.h"
#include "ops/math/clip.h"
#include "ops/math/gemm.h"
#include "ops/math/matmul.h"
#include "ops/math/unary.h"
#include "ops/nn/conv.h"
#include "ops/registry.h"
#include "plan/eltwise_program.h"
#include "plan/epilogue.h"
#include "plan/layout.h"

namespace ferry {
namespace {

bool is_f32(const Graph& g, ValueId v) {
  return v != kNone && g.value(v).type.has_rank() && g.value(v).type.dtype == DType::kFloat32;
}

bool is_packable(const Graph& g, ValueId v) {
  return v != kNone && g.value(v).constant && !g.value(v).overridable;
}

// Anchors whose kernels take an epilogue; see the *_cpu.cc of each.
bool is_anchor(const Graph& g, const Node& n) {
  if (n.outputs.size() != 1 || !is_f32(g, n.outputs[0]) || n.inputs.size() < 2) return false;
  if (!is_packable(g, n.inputs[1])) return false;
  if (const auto* conv = n.op.as<Conv>()) return conv->channels_last;
  if (n.op.as<Gemm>() != nullptr)
    return n.inputs.size() < 3 || n.inputs[2] == kNone || is_packable(g, n.inputs[2]);
  return n.op.as<MatMul>() != nullptr && g.value(n.inputs[1]).type.rank() == 2 &&
         g.value(n.inputs[0]).type.has_rank() && g.value(n.inputs[0]).type.rank() >= 2;
}

std::vector<NodeId> chain_of(const Graph& g, NodeId anchor) {
  std::vector<NodeId> chain = {anchor};
  while (chain.size() <= kMaxEltInstructions) {
    const ValueId carried = g.node(chain.back()).outputs[0];
    if (!g.has_single_use(carried)) break;
    const NodeId user = g.value(carried).users[0];
    const Node& next = g.node(user);
    if (!extends_epilogue(g, next, carried)) break;
    chain.push_back(user);
  }
  return chain;
}

bool is_bound(const Graph& g, const Node& n) {
  const auto* unary = n.op.as<Unary>();
  if (unary != nullptr) return unary->kind == UnaryKind::kRelu;
  if (n.op.as<Clip>() == nullptr) return false;
  for (size_t i = 1; i < n.inputs.size(); ++i) {
    if (n.inputs[i] == kNone) continue;
    if (!is_packable(g, n.inputs[i]) || std::isnan(*g.value(n.inputs[i]).constant->data<float>())) {
      return false;
    }
  }
  return true;
}

// Appends a 1x1 convolution, and its bounds, to a large convolution that makes its output strip by
// strip: the pixels between the two never leave the cache.
void extend_by_pointwise(const Graph& g, std::vector<NodeId>& chain) {
  const Node& first = g.node(chain[0]);
  if (chain.size() > 2 || (chain.size() == 2 && !is_bound(g, g.node(chain[1])))) return;
  const auto* conv = first.op.as<Conv>();
  if (conv == nullptr ||
      !is_shifted_convolution(*conv, g.value(first.inputs[1]).constant->dims())) {
    return;
  }
  if (first.inputs.size() > 2 && first.inputs[2] != kNone && !is_packable(g, first.inputs[2])) {
    return;
  }
  const ValueId between = g.node(chain.back()).outputs[0];
  if (!g.has_single_use(between)) return;
  const NodeId second = g.value(between).users[0];
  if (g.node(second).inputs[0] != between || !is_pointwise(g, g.node(second))) return;
  chain.push_back(second);
  const ValueId y = g.node(second).outputs[0];
  if (!g.has_single_use(y)) return;
  const NodeId bound = g.value(y).users[0];
  if (g.node(bound).inputs[0] == y && is_bound(g, g.node(bound))) chain.push_back(bound);
}

// One node whose body holds copies of `nodes`, which end in the only one used outside.
Patch group_of(const Graph& g, const std::vector<NodeId>& nodes, Group kind) {
  PatchBuilder p(g);
  Node group;
  group.op = make_op("ferry.Group", kind);
  auto body = std::make_unique<Graph>();
  std::map<ValueId, ValueId> inner;
  for (NodeId id : nodes) {
    const Node& n = g.node(id);
    Node copy;
    copy.name = n.name;
    copy.op = n.op;
    copy.origin = n.origin;
    for (const auto& inner_body : n.bodies) copy.bodies.push_back(inner_body->clone());
    for (ValueId v : n.inputs) {
      if (v != kNone && inner.count(v) == 0) {
        inner[v] = body->add_input(g.value(v).name, g.value(v).type);
        group.inputs.push_back(v);
      }
      copy.inputs.push_back(v == kNone ? kNone : inner[v]);
    }
    for (ValueId v : n.outputs) {
      inner[v] = body->add_value(g.value(v).name, g.value(v).type);
      copy.outputs.push_back(inner[v]);
    }
    body->add_node(std::move(copy));
    p.inherit(id);
  }
  const ValueId last = g.node(nodes.back()).outputs[0];
  body->set_outputs({inner[last]});
  group.bodies.push_back(std::move(body));
  p.replace(last, p.add(std::move(group), 1)[0]);
  return std::move(p).build();
}

// `root` and the elementwise nodes that only it (or they) use, of the same shape, in graph order.
std::vector<NodeId> elementwise_tree(const Graph& g, NodeId root) {
  std::vector<NodeId> tree = {root};
  for (size_t i = 0; i < tree.size(); ++i) {
    const Node& n = g.node(tree[i]);
    for (size_t k = 0; k < num_elt_operands(n) && tree.size() < kMaxEltInstructions; ++k) {
      const ValueId v = n.inputs[k];
      const NodeId producer = g.value(v).producer;
      if (producer == kNone || g.is_output(v) || !is_elt_node(g, g.node(producer))) continue;
      if (std::find(tree.begin(), tree.end(), producer) != tree.end()) continue;
      if (!(g.value(v).type == g.value(g.node(root).outputs[0]).type)) continue;
      const auto& users = g.value(v).users;
      const bool inside = std::all_of(users.begin(), users.end(), [&](NodeId u) {
        return std::find(tree.begin(), tree.end(), u) != tree.end();
      });
      if (inside) tree.push_back(producer);
    }
  }
  return tree;
}

}  // namespace

bool make_group(Graph& graph, const std::vector<NodeId>& nodes, Group kind) {
  Patch patch = group_of(graph, nodes, kind);
  if (!patch.status.ok() || !apply(graph, nodes.back(), std::move(patch)).ok()) return false;
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) graph.remove_node(*it);
  return true;
}

size_t form_groups(Graph& graph, bool exact) {
  size_t formed = 0;
  for (NodeId id : graph.order()) {
    if (!graph.node(id).alive || !is_anchor(graph, graph.node(id))) continue;
    std::vector<NodeId> chain = chain_of(graph, id);
    if (!exact) extend_by_pointwise(graph, chain);
    if (chain.size() >= 2 && make_group(graph, chain)) ++formed;
  }
  // Last nodes first, so that a tree is as large as it can be.
  std::vector<NodeId> order = graph.order();
  std::map<NodeId, size_t> position;
  for (size_t i = 0; i < order.size(); ++i) position[order[i]] = i;
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    if (!graph.node(*it).alive || !is_elt_node(graph, graph.node(*it))) continue;
    std::vector<NodeId> tree = elementwise_tree(graph, *it);
    if (tree.size() < 2) continue;
    std::sort(tree.begin(), tree.end(),
              [&](NodeId a, NodeId b) { return position[a] < position[b]; });
    if (make_group(graph, tree)) ++formed;
  }
  return formed;
}

}  // namespace ferry
