// SPDX-License-Identifier: Apache-2.0
#include "plan/fuse.h"

#include <algorithm>

#include "base/status.h"
#include "ir/patch.h"
#include "ops/fusion/group.h"
#include "ops/math/gemm.h"
#include "ops/math/matmul.h"
#include "ops/nn/conv.h"
#include "ops/registry.h"
#include "plan/epilogue.h"

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
  if (n.op.as<Gemm>() != nullptr) return n.inputs.size() < 3 || n.inputs[2] == kNone || is_packable(g, n.inputs[2]);
  return n.op.as<MatMul>() != nullptr && g.value(n.inputs[1]).type.rank() == 2 &&
         g.value(n.inputs[0]).type.has_rank() && g.value(n.inputs[0]).type.rank() >= 2;
}

std::vector<NodeId> chain_of(const Graph& g, NodeId anchor) {
  std::vector<NodeId> chain = {anchor};
  bool has_residual = false, has_clip = false;
  for (;;) {
    const ValueId carried = g.node(chain.back()).outputs[0];
    if (!g.has_single_use(carried)) break;
    const NodeId user = g.value(carried).users[0];
    const Node& next = g.node(user);
    if (next.outputs.size() != 1 || !extends_epilogue(g, next, carried, has_residual, has_clip)) break;
    chain.push_back(user);
  }
  return chain;
}

// One node whose body holds copies of the chain.
Patch group_of(const Graph& g, const std::vector<NodeId>& chain) {
  PatchBuilder p(g);
  Node group;
  group.op = make_op("ferry.Group");
  auto body = std::make_unique<Graph>();
  std::vector<ValueId> inner(g.num_values(), kNone);
  for (NodeId id : chain) {
    const Node& n = g.node(id);
    Node copy;
    copy.name = n.name;
    copy.op = n.op;
    copy.origin = n.origin;
    for (ValueId v : n.inputs) {
      if (v != kNone && inner[v] == kNone) {
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
  const ValueId last = g.node(chain.back()).outputs[0];
  body->set_outputs({inner[last]});
  group.bodies.push_back(std::move(body));
  p.replace(last, p.add(std::move(group), 1)[0]);
  return std::move(p).build();
}

}  // namespace

size_t form_groups(Graph& graph) {
  size_t formed = 0;
  for (NodeId id : graph.order()) {
    if (!graph.node(id).alive || !is_anchor(graph, graph.node(id))) continue;
    const std::vector<NodeId> chain = chain_of(graph, id);
    if (chain.size() < 2) continue;
    Patch patch = group_of(graph, chain);
    if (!patch.status.ok() || !apply(graph, chain.back(), std::move(patch)).ok()) continue;
    // The chain is dead now, its last node first.
    for (auto it = chain.rbegin(); it != chain.rend(); ++it) graph.remove_node(*it);
    ++formed;
  }
  return formed;
}

}  // namespace ferry
