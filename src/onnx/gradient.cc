// SPDX-License-Identifier: Apache-2.0
// GraphBuilder: Gradient(xs, zs, y) becomes the nodes of reverse-mode differentiation.
//   The nodes between xs, zs and y are those of the graph, or copies of them when the node's inputs
//   are other values than the ones that xs and zs name. The gradient of a y of many elements is that
//   of their sum.
#include <algorithm>
#include <map>
#include <set>

#include "base/status.h"
#include "ir/infer.h"
#include "onnx/derivative.h"
#include "onnx/node_rewriter.h"

namespace ferry::onnx {

class Differentiation {
 public:
  Differentiation(GraphBuilder& builder, GraphBuilder::Scope& scope, Rewriter& r)
      : builder_(builder), scope_(scope), r_(r) {}

  // Values named by xs and zs, and the inputs of the node that stand for them.
  void bind(ValueId named, ValueId given, bool varies) {
    stands_for_[named] = given;
    if (varies) varying_.insert(given);
  }
  bool binds(ValueId named) const { return stands_for_.contains(named); }

  // Errors: kUnsupportedOp naming a node that has no derivative.
  Status run(ValueId y) {
    const std::vector<NodeId> path = nodes_between(y);
    FERRY_RETURN_IF_ERROR(repeat(path));
    find_varying();
    const ValueId top = now(y);
    if (!is_floating(top)) {
      return invalid_model("y is {}, which has no derivative", r_.type(top).to_string());
    }
    FERRY_ASSIGN_OR_RETURN(gradients_[top], filled_like(top, 1, r_));
    for (auto it = nodes_.rbegin(); it != nodes_.rend(); ++it) {
      FERRY_RETURN_IF_ERROR(differentiate(*it));
    }
    return {};
  }

  // Of the value that stands for `named`; zeros when y does not depend on it.
  Result<ValueId> gradient(ValueId named) {
    const auto it = gradients_.find(now(named));
    if (it != gradients_.end()) return it->second;
    return filled_like(now(named), 0, r_);
  }

 private:
  const Graph& graph() const { return *scope_.graph; }
  ValueId now(ValueId v) const {
    const auto it = stands_for_.find(v);
    return it == stands_for_.end() ? v : it->second;
  }

  // Nodes that y needs and that depend on xs or zs, in order.
  std::vector<NodeId> nodes_between(ValueId y) const {
    std::set<NodeId> needed;
    std::vector<ValueId> open = {y};
    while (!open.empty()) {
      const ValueId v = open.back();
      open.pop_back();
      if (v == kNone || stands_for_.contains(v)) continue;
      const NodeId id = graph().value(v).producer;
      if (id == kNone || !needed.insert(id).second) continue;
      const auto& inputs = graph().node(id).inputs;
      open.insert(open.end(), inputs.begin(), inputs.end());
    }
    std::vector<NodeId> path;
    std::set<ValueId> dependent;
    for (const auto& [named, given] : stands_for_) dependent.insert(named);
    for (NodeId id : graph().order()) {
      if (!needed.contains(id)) continue;
      const Node& n = graph().node(id);
      const bool depends = std::any_of(n.inputs.begin(), n.inputs.end(),
                                       [&](ValueId v) { return dependent.contains(v); });
      if (!depends) continue;
      path.push_back(id);
      dependent.insert(n.outputs.begin(), n.outputs.end());
    }
    return path;
  }

  // The nodes to differentiate: `path`, or copies that compute with the node's own inputs.
  Status repeat(const std::vector<NodeId>& path) {
    const bool same = std::all_of(stands_for_.begin(), stands_for_.end(),
                                  [](const auto& pair) { return pair.first == pair.second; });
    if (same) {
      nodes_ = path;
      return {};
    }
    for (NodeId id : path) {
      FERRY_RETURN_IF_ERROR(builder_.count_node());
      const Node& from = graph().node(id);
      Node copy;
      copy.name = from.name;
      copy.op = from.op;
      copy.origin = from.origin;
      copy.num_captures = from.num_captures;
      for (const auto& body : from.bodies) copy.bodies.push_back(body->clone());
      for (ValueId v : from.inputs) copy.inputs.push_back(now(v));
      const std::vector<ValueId> outputs = from.outputs;
      for (ValueId v : outputs) {
        copy.outputs.push_back(v == kNone ? kNone : r_.new_value());
        if (v != kNone) stands_for_[v] = copy.outputs.back();
      }
      const NodeId made = scope_.graph->add_node(std::move(copy));
      FERRY_RETURN_IF_ERROR(builder_.infer(scope_, made));
      nodes_.push_back(made);
    }
    return {};
  }

  bool is_floating(ValueId v) const {
    return types::kFloating.contains(graph().value(v).type.dtype);
  }

  bool varies(ValueId v) const { return v != kNone && varying_.contains(v); }

  // What depends on xs by way of floating-point values.
  void find_varying() {
    for (NodeId id : nodes_) {
      const Node& n = graph().node(id);
      if (std::none_of(n.inputs.begin(), n.inputs.end(), [&](ValueId v) { return varies(v); })) {
        continue;
      }
      for (ValueId v : n.outputs) {
        if (v != kNone && is_floating(v)) varying_.insert(v);
      }
    }
  }

  Status differentiate(NodeId id);

  GraphBuilder& builder_;
  GraphBuilder::Scope& scope_;
  Rewriter& r_;
  std::map<ValueId, ValueId> stands_for_, gradients_;
  std::set<ValueId> varying_;
  std::vector<NodeId> nodes_;
};

Status Differentiation::differentiate(NodeId id) {
  const Node& n = graph().node(id);
  const auto known = [&](ValueId v) { return v != kNone && gradients_.contains(v); };
  if (std::none_of(n.outputs.begin(), n.outputs.end(), known)) return {};
  if (std::none_of(n.inputs.begin(), n.inputs.end(), [&](ValueId v) { return varies(v); })) {
    return {};
  }
  const Derivative rule = derivative_of(n.op.def().full_name());
  if (rule == nullptr || n.outputs.size() != 1) {
    return unsupported_op("{} lies between y and xs and has no derivative here; those that have: {}",
                          n.describe(), differentiable_ops());
  }
  Differentiated d{n.op, n.inputs, n.outputs[0], gradients_.at(n.outputs[0]), {}};
  for (ValueId v : d.inputs) d.wanted.push_back(varies(v));
  const auto made = rule(d, r_);
  if (!made.ok()) return made.status().with_context(n.describe());
  for (size_t i = 0; i < d.inputs.size(); ++i) {
    if (!d.wanted[i]) continue;
    FERRY_ASSIGN_OR_RETURN(ValueId part, sum_to((*made)[i], d.inputs[i], r_));
    const auto [it, fresh] = gradients_.emplace(d.inputs[i], part);
    if (fresh) continue;
    FERRY_ASSIGN_OR_RETURN(it->second, r_.emit("Add", {it->second, part}));
  }
  return {};
}

Status GraphBuilder::import_gradient(Scope& scope, const NodeProto& proto) {
  FERRY_ASSIGN_OR_RETURN(const SourceNode node, read_node(scope, proto));
  const auto xs = node.get("xs", std::vector<std::string>());
  const auto zs = node.get("zs", std::vector<std::string>());
  const std::string y = node.get("y", std::string());
  if (xs.empty() || y.empty()) return invalid_model("attributes 'xs' and 'y' are missing");
  if (node.inputs.size() != xs.size() + zs.size() || proto.outputs.size() > xs.size()) {
    return invalid_model("has {} inputs and {} outputs, its attributes name {} and {} values",
                         node.inputs.size(), proto.outputs.size(), xs.size() + zs.size(),
                         xs.size());
  }
  FERRY_ASSIGN_OR_RETURN(const ValueId target, use(scope, y, "y"));
  std::vector<SourceNode> after;
  NodeRewriter rewriter(*this, scope, node, after);
  Differentiation d(*this, scope, rewriter);
  std::vector<ValueId> named;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const std::string& name = i < xs.size() ? xs[i] : zs[i - xs.size()];
    FERRY_ASSIGN_OR_RETURN(const ValueId id, use(scope, name, i < xs.size() ? "x" : "z"));
    if (node.inputs[i] == kNone) return invalid_model("input {} is missing", i);
    if (d.binds(id)) return invalid_model("'{}' is named twice", name);
    d.bind(id, node.inputs[i], i < xs.size());
    named.push_back(id);
  }
  FERRY_RETURN_IF_ERROR(d.run(target));
  for (size_t i = 0; i < proto.outputs.size(); ++i) {
    if (proto.outputs[i].empty()) continue;
    SourceNode identity;
    identity.op_type = "Identity";
    FERRY_ASSIGN_OR_RETURN(const ValueId gradient, d.gradient(named[i]));
    identity.inputs = {gradient};
    FERRY_ASSIGN_OR_RETURN(const ValueId output, define_output(scope, proto.outputs[i]));
    identity.outputs = {output};
    FERRY_RETURN_IF_ERROR(rewriter.add_before(std::move(identity)));
  }
  return {};
}

}  // namespace ferry::onnx
