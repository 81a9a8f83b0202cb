// SPDX-License-Identifier: Apache-2.0
#include "plan/epilogue.h"

#include <algorithm>

#include "base/status.h"
#include "ops/math/binary.h"
#include "ops/math/clip.h"
#include "ops/math/unary.h"

namespace ferry {
namespace {

// A scalar f32 constant.
const float* scalar_constant(const Graph& graph, ValueId v) {
  const GraphValue& value = graph.value(v);
  if (!value.constant || value.overridable || value.constant->dtype() != DType::kFloat32 ||
      value.constant->count() != 1 || value.constant->raw() == nullptr) {
    return nullptr;
  }
  return value.constant->data<float>();
}

bool is_add(const Node& node) {
  const auto* binary = node.op.as<Binary>();
  return binary != nullptr && binary->kind == BinaryKind::kAdd;
}

bool is_relu(const Node& node) {
  const auto* unary = node.op.as<Unary>();
  return unary != nullptr && unary->kind == UnaryKind::kRelu;
}

// The bounds of a Clip whose limits are constants in the graph around the group.
bool clip_bounds(const Graph& graph, const Node& node, float& lo, float& hi) {
  for (size_t i = 1; i < node.inputs.size() && i < 3; ++i) {
    if (node.inputs[i] == kNone) continue;
    const float* bound = scalar_constant(graph, node.inputs[i]);
    if (bound == nullptr || *bound != *bound) return false;
    (i == 1 ? lo : hi) = *bound;
  }
  return lo <= hi;
}

}  // namespace

bool extends_epilogue(const Graph& graph, const Node& node, ValueId carried, bool& has_residual,
                      bool& has_clip) {
  if (has_clip) return false;
  const Type& type = graph.value(carried).type;
  if (is_relu(node)) {
    has_clip = true;
    return true;
  }
  if (node.op.as<Clip>() != nullptr && node.inputs[0] == carried) {
    float lo = -std::numeric_limits<float>::infinity(), hi = -lo;
    if (!clip_bounds(graph, node, lo, hi)) return false;
    has_clip = true;
    return true;
  }
  if (is_add(node) && !has_residual) {
    const ValueId other = node.inputs[0] == carried ? node.inputs[1] : node.inputs[0];
    if (other == carried || graph.value(other).constant) return false;
    if (!(graph.value(other).type == type)) return false;
    has_residual = true;
    return true;
  }
  return false;
}

namespace {

// Follows the chain from the anchor's output to the body's; the body was built by form_groups.
bool read_chain(const KernelRequest& request, const Graph& body, const Node& anchor,
                const std::vector<int>& step_input, FusedAnchor& out) {
  ValueId carried = anchor.outputs[0];
  while (!body.is_output(carried)) {
    if (body.value(carried).users.size() != 1) return false;
    const Node& next = body.node(body.value(carried).users[0]);
    if (is_relu(next)) {
      out.lo = std::max(out.lo, 0.0f);
    } else if (is_add(next)) {
      const ValueId other = next.inputs[0] == carried ? next.inputs[1] : next.inputs[0];
      out.residual = step_input[other];
    } else if (next.op.as<Clip>() != nullptr) {
      for (size_t i = 1; i < next.inputs.size() && i < 3; ++i) {
        if (next.inputs[i] == kNone) continue;
        const Tensor* bound = request.constant(static_cast<size_t>(step_input[next.inputs[i]]));
        if (bound == nullptr) return false;
        (i == 1 ? out.lo : out.hi) = *bound->data<float>();
      }
    } else {
      return false;
    }
    carried = next.outputs[0];
  }
  return true;
}

}  // namespace

std::variant<FusedAnchor, std::string> find_anchor(const KernelRequest& request,
                                                   std::string_view op) {
  FusedAnchor out;
  if (request.node.op.is(op)) {
    out.anchor = &request.node;
    for (size_t i = 0; i < request.node.inputs.size(); ++i) {
      out.inputs.push_back(request.node.inputs[i] == kNone ? -1 : static_cast<int>(i));
    }
    return out;
  }
  if (request.node.bodies.size() != 1) return std::string("not a group");
  const Graph& body = *request.node.bodies[0];
  const NodeId first = body.first();
  if (first == kNone || !body.node(first).op.is(op)) return fmt::format("the group has no {}", op);
  const Node& anchor = body.node(first);
  std::vector<int> step_input(body.num_values(), -1);
  for (size_t i = 0; i < body.inputs().size(); ++i) {
    step_input[body.inputs()[i]] = static_cast<int>(i);
  }
  out.anchor = &anchor;
  for (ValueId v : anchor.inputs) out.inputs.push_back(v == kNone ? -1 : step_input[v]);
  if (!read_chain(request, body, anchor, step_input, out)) {
    return std::string("the group's tail is no residual and clip");
  }
  return out;
}

void add_anchor_kernel(KernelRegistry& r, std::string_view op, const std::string& name,
                       Result<KernelOffer> (*make)(const KernelRequest&, const FusedAnchor&)) {
  const std::string op_name(op);
  const auto offer = [op_name, make](const KernelRequest& request) -> Result<KernelOffer> {
    auto found = find_anchor(request, op_name);
    if (auto* why = std::get_if<std::string>(&found)) return KernelOffer(std::move(*why));
    return make(request, std::get<FusedAnchor>(found));
  };
  r.add(op, name, offer);
  r.add("ferry.Group", name, offer);
}

}  // namespace ferry
