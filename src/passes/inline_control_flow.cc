// SPDX-License-Identifier: Apache-2.0
#include "passes/inline_control_flow.h"

#include "passes/match.h"

namespace ferry {
namespace {

bool is_used(const Graph& g, ValueId v) {
  return v != kNone && (!g.value(v).users.empty() || g.is_output(v));
}

// Moves the nodes of `body` before `at`; `arguments` are its inputs. Returns its outputs.
std::vector<ValueId> inline_body(Graph& g, NodeId at, Graph& body,
                                 const std::vector<ValueId>& arguments) {
  std::vector<ValueId> map(body.num_values(), kNone);
  for (size_t i = 0; i < arguments.size(); ++i) map[body.inputs()[i]] = arguments[i];
  const auto mapped = [&](ValueId v) {
    if (v == kNone) return kNone;
    if (map[v] == kNone) {
      const GraphValue& from = body.value(v);
      map[v] = g.add_value(from.name, from.type);
      g.value(map[v]).constant = from.constant;
      g.value(map[v]).known = from.known;
    }
    return map[v];
  };
  for (NodeId id : body.order()) {
    const Node& from = body.node(id);
    Node n;
    n.name = from.name;
    n.op = from.op;
    n.num_captures = from.num_captures;
    n.origin = from.origin;
    for (const auto& inner : from.bodies) n.bodies.push_back(inner->clone());
    for (ValueId v : from.inputs) n.inputs.push_back(mapped(v));
    for (ValueId v : from.outputs) n.outputs.push_back(mapped(v));
    g.add_node(std::move(n), at);
  }
  std::vector<ValueId> outputs;
  for (ValueId v : body.outputs()) outputs.push_back(mapped(v));
  return outputs;
}

std::vector<ValueId> captures(const Node& n) {
  return {n.inputs.end() - static_cast<ptrdiff_t>(n.num_captures), n.inputs.end()};
}

void replace_outputs(Graph& g, NodeId id, const std::vector<ValueId>& with, size_t skip) {
  const std::vector<ValueId> old = g.node(id).outputs;
  for (size_t i = 0; i < old.size(); ++i) {
    if (old[i] != kNone) g.replace_uses(old[i], with[i + skip]);
  }
}

bool inline_if(Graph& g, NodeId id) {
  const auto condition = uniform_constant(g, g.node(id).inputs[0]);
  if (!condition) return false;
  Graph& body = *g.node(id).bodies[*condition != 0 ? 0 : 1];
  replace_outputs(g, id, inline_body(g, id, body, captures(g.node(id))), 0);
  return true;
}

bool inline_loop(Graph& g, NodeId id) {
  const Node& n = g.node(id);
  const auto trips = constant_ints(g, input(n, 0));
  const auto condition = uniform_constant(g, input(n, 1));
  const size_t carried = n.num_own_inputs() - 2;
  if (n.num_own_inputs() < 2 || n.outputs.size() != carried) return false;
  if (condition && *condition == 0) {
    replace_outputs(g, id, n.inputs, 2);
    return true;
  }
  if (!trips || trips->size() != 1) return false;
  if ((*trips)[0] <= 0) {
    replace_outputs(g, id, n.inputs, 2);
    return true;
  }
  if ((*trips)[0] != 1 || (input(n, 1) != kNone && !condition)) return false;
  Result<Tensor> yes = Tensor::allocate(DType::kBool, {});
  Result<Tensor> zero = Tensor::allocate(DType::kInt64, {});
  if (!yes.ok() || !zero.ok()) return false;
  *yes->data<bool>() = true;
  *zero->data<int64_t>() = 0;
  std::vector<ValueId> arguments = {g.add_constant(*std::move(zero)),
                                    g.add_constant(*std::move(yes))};
  const Node& loop = g.node(id);
  arguments.insert(arguments.end(), loop.inputs.begin() + 2, loop.inputs.end());
  Graph& body = *g.node(id).bodies[0];
  replace_outputs(g, id, inline_body(g, id, body, arguments), 1);
  return true;
}

}  // namespace

Pass inline_control_flow() {
  return {"inline_control_flow", {}, [](Graph& g, const PassOptions&) -> Result<size_t> {
            size_t changes = 0;
            for (NodeId id : g.order()) {
              const Node& n = g.node(id);
              bool used = false;
              for (ValueId v : n.outputs) used |= is_used(g, v);
              if (!used) continue;
              if (n.op.is("If") && n.bodies.size() == 2) changes += inline_if(g, id) ? 1 : 0;
              if (n.op.is("Loop") && n.bodies.size() == 1) changes += inline_loop(g, id) ? 1 : 0;
            }
            return changes;
          }};
}

}  // namespace ferry
