// SPDX-License-Identifier: Apache-2.0
#include "runtime/evaluate_constant.h"

#include <algorithm>
#include <memory>

#include "base/status.h"
#include "ir/graph.h"
#include "ir/infer.h"
#include "passes/lower_einsum.h"
#include "passes/lower_gemm.h"
#include "plan/flops.h"
#include "runtime/run_context.h"

namespace ferry {
namespace {

// Elements or operations from which on a program is planned: reference kernels take a millisecond.
constexpr double kMuch = 500e3;
// Inputs that may be axes, sizes or indices, and decide shapes.
constexpr int64_t kSmall = 1024;

// Operators whose reference kernels pass their input on without a copy.
bool is_view(const Node& n) {
  for (const char* op : {"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"}) {
    if (n.op.is(op)) return true;
  }
  return false;
}

// The node alone: small inputs are constants, the others inputs of the graph. Null when one is no
// tensor.
std::unique_ptr<Graph> graph_of(const Node& node, std::span<const Value> values,
                                std::vector<Value>& inputs) {
  auto graph = std::make_unique<Graph>();
  Node copy;
  copy.name = node.name;
  copy.op = node.op;
  copy.origin = node.origin;
  for (const Value& v : values) {
    if (v.is_none()) {
      copy.inputs.push_back(kNone);
      continue;
    }
    if (!v.is_tensor()) return nullptr;
    const Tensor& t = v.tensor();
    if (t.count() <= kSmall) {
      copy.inputs.push_back(graph->add_constant(t));
    } else {
      copy.inputs.push_back(graph->add_input("", Type::tensor(t.dtype(), shape_of(t.dims()))));
      inputs.push_back(v);
    }
  }
  std::vector<ValueId> made;
  for (ValueId v : node.outputs) {
    copy.outputs.push_back(v == kNone ? kNone : graph->add_value());
    if (v != kNone) made.push_back(copy.outputs.back());
  }
  const NodeId id = graph->add_node(std::move(copy));
  graph->set_outputs(std::move(made));
  return infer_node(*graph, id).ok() ? std::move(graph) : nullptr;
}

bool is_much(const Graph& graph) {
  double elements = 0, flops = 0;
  for (ValueId v : graph.inputs()) {
    const auto dims = constant_dims(*graph.value(v).type.shape);
    if (dims) elements += static_cast<double>(dims->count());
  }
  for (NodeId id : graph.order()) {
    const auto known = node_flops(graph, graph.node(id), [](std::string_view) {
      return static_cast<const int64_t*>(nullptr);
    });
    flops += known.value_or(0);
  }
  return std::max(elements, flops) >= kMuch;
}

}  // namespace

Status evaluate_constant(const Node& node, std::span<const Value> values,
                         std::vector<Value>& outputs, const InterpretOptions& options,
                         std::chrono::steady_clock::time_point until, const PlanOptions& plan) {
  std::vector<Value> inputs;
  std::unique_ptr<Graph> graph;
  if (!is_view(node) && node.bodies.empty()) graph = graph_of(node, values, inputs);
  // Some operators have fast kernels for what they come down to only.
  if (graph) FERRY_RETURN_IF_ERROR(run_passes(*graph, {lower_einsum(), lower_gemm()}).status());
  if (!graph || !is_much(*graph)) return interpret_node(node, values, outputs, options);
  PlanOptions alone = plan;
  alone.panels = nullptr;
  FERRY_ASSIGN_OR_RETURN(const std::unique_ptr<Program> program,
                         make_program(std::move(graph), alone));
  RunContext context(*program, std::make_shared<BufferPool>(options.budget, false));
  // Other programs may take most of the time, and what is folded decides the bits of results.
  constexpr std::chrono::seconds kSlack{2};
  const StopToken stop(nullptr, until + kSlack);
  Team team(alone.threads, false, &stop);
  const RunControl control{.budget = options.budget, .team = &team, .stop = &stop, .observe = {}};
  std::vector<Value> made;
  FERRY_RETURN_IF_ERROR(context.run(inputs, made, control));
  outputs.assign(node.outputs.size(), Value());
  for (size_t i = 0, k = 0; i < outputs.size(); ++i) {
    if (node.outputs[i] != kNone) outputs[i] = std::move(made[k++]);
  }
  return {};
}

}  // namespace ferry
