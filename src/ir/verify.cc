// SPDX-License-Identifier: Apache-2.0
#include "ir/verify.h"

#include <algorithm>
#include <vector>

#include "base/status.h"

namespace ferry {
namespace {

class Verifier {
 public:
  explicit Verifier(const Graph& graph) : graph_(graph) {}

  Status run() {
    FERRY_RETURN_IF_ERROR(check_order());
    FERRY_RETURN_IF_ERROR(check_interface());
    for (NodeId id : order_) {
      const Node& node = graph_.node(id);
      FERRY_RETURN_IF_ERROR(check_node(id, node).with_context(node.describe()));
    }
    for (ValueId v = 0; v < graph_.num_values(); ++v) {
      FERRY_RETURN_IF_ERROR(check_value(v).with_context(name(v)));
    }
    return check_outputs();
  }

 private:
  std::string name(ValueId v) const {
    return fmt::format("value '{}' (#{})", graph_.value(v).name, v);
  }

  Status check_order() {
    size_t live = 0;
    for (NodeId id = 0; id < graph_.num_nodes(); ++id) live += graph_.node(id).alive ? 1 : 0;
    NodeId before = kNone;
    for (NodeId id = graph_.first(); id != kNone; id = graph_.next(id)) {
      if (id >= graph_.num_nodes() || !graph_.node(id).alive) {
        return internal_error("the order holds a removed node #{}", id);
      }
      if (graph_.node(id).prev != before) return internal_error("node #{} is linked wrongly", id);
      order_.push_back(id);
      before = id;
      if (order_.size() > live) return internal_error("the order of the nodes is circular");
    }
    if (order_.size() != live) {
      return internal_error("{} nodes live, the order holds {}", live, order_.size());
    }
    return {};
  }

  Status check_interface() {
    defined_.assign(graph_.num_values(), false);
    uses_.resize(graph_.num_values());
    for (ValueId v = 0; v < graph_.num_values(); ++v) {
      if (graph_.value(v).constant) defined_[v] = true;
    }
    std::vector<bool> is_input(graph_.num_values(), false);
    for (ValueId v : graph_.inputs()) {
      if (v >= graph_.num_values()) return internal_error("input #{} does not exist", v);
      if (is_input[v]) return internal_error("{} is an input twice", name(v));
      const GraphValue& value = graph_.value(v);
      if (value.producer != kNone) return internal_error("input {} has a producer", name(v));
      if (value.constant && !value.overridable) {
        return internal_error("input {} is a constant that nobody may override", name(v));
      }
      is_input[v] = defined_[v] = true;
    }
    for (ValueId v = 0; v < graph_.num_values(); ++v) {
      if (graph_.value(v).overridable && !is_input[v]) {
        return internal_error("{} is overridable and no input", name(v));
      }
    }
    return {};
  }

  Status check_node(NodeId id, const Node& node) {
    if (!node.op.defined()) return internal_error("has no operator");
    if (node.num_captures > node.inputs.size()) {
      return internal_error("has {} captures and {} inputs", node.num_captures, node.inputs.size());
    }
    for (ValueId v : node.inputs) {
      if (v == kNone) continue;
      if (v >= graph_.num_values()) return internal_error("input #{} does not exist", v);
      if (!defined_[v]) return internal_error("input {} is not defined before", name(v));
      uses_[v].push_back(id);
    }
    for (uint32_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId v = node.outputs[i];
      if (v == kNone) continue;
      if (v >= graph_.num_values()) return internal_error("output #{} does not exist", v);
      if (defined_[v]) return internal_error("output {} is defined already", name(v));
      const GraphValue& value = graph_.value(v);
      if (value.producer != id || value.output_index != i) {
        return internal_error("output {} names another producer", name(v));
      }
      if (value.type.kind == Type::Kind::kUnknown) {
        return internal_error("output {} has no type", name(v));
      }
      defined_[v] = true;
    }
    FERRY_RETURN_IF_ERROR(check_arity(node));
    return check_bodies(node);
  }

  static Status check_arity(const Node& node) {
    const OpDef& def = node.op.def();
    const size_t inputs = node.num_own_inputs(), outputs = node.outputs.size();
    if (inputs < def.inputs.min || inputs > def.inputs.max) {
      return internal_error("has {} inputs, wanted are {} to {}", inputs, def.inputs.min,
                            def.inputs.max);
    }
    if (outputs > def.outputs.max) {
      return internal_error("has {} outputs, wanted are up to {}", outputs, def.outputs.max);
    }
    return {};
  }

  Status check_bodies(const Node& node) {
    if (node.bodies.size() != node.op.def().bodies.size()) {
      return internal_error("has {} bodies, wanted are {}", node.bodies.size(),
                            node.op.def().bodies.size());
    }
    for (size_t i = node.num_own_inputs(); i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNone) return internal_error("capture {} is absent", i);
    }
    for (const auto& body : node.bodies) {
      if (body->inputs().size() < node.num_captures) {
        return internal_error("body '{}' has {} inputs for {} captures", body->name,
                              body->inputs().size(), node.num_captures);
      }
      FERRY_RETURN_IF_ERROR(verify(*body).with_context("body '" + body->name + "'"));
    }
    return {};
  }

  Status check_value(ValueId v) {
    const GraphValue& value = graph_.value(v);
    if (value.producer != kNone &&
        (value.producer >= graph_.num_nodes() || !graph_.node(value.producer).alive)) {
      return internal_error("is produced by a removed node");
    }
    if (value.producer != kNone && !defined_[v]) return internal_error("its producer lacks it");
    std::vector<NodeId> users = value.users;
    std::sort(users.begin(), users.end());
    std::sort(uses_[v].begin(), uses_[v].end());
    if (users != uses_[v]) {
      return internal_error("lists {} uses, the nodes have {}", users.size(), uses_[v].size());
    }
    if (!value.constant) return {};
    const Tensor& t = *value.constant;
    const bool same =
        value.type.is_tensor() && value.type.dtype == t.dtype() &&
        (value.overridable || !value.type.shape || *value.type.shape == shape_of(t.dims()));
    if (!same) {
      return internal_error("is the constant {} and claims {}", t.describe(),
                            value.type.to_string());
    }
    return {};
  }

  Status check_outputs() {
    for (ValueId v : graph_.outputs()) {
      if (v >= graph_.num_values()) return internal_error("graph output #{} does not exist", v);
      if (!defined_[v]) return internal_error("graph output {} is defined nowhere", name(v));
    }
    if (graph_.output_names().size() != graph_.outputs().size()) {
      return internal_error("{} outputs have {} names", graph_.outputs().size(),
                            graph_.output_names().size());
    }
    return {};
  }

  const Graph& graph_;
  std::vector<NodeId> order_;
  std::vector<bool> defined_;
  std::vector<std::vector<NodeId>> uses_;
};

}  // namespace

Status verify(const Graph& graph) { return Verifier(graph).run(); }

}  // namespace ferry
