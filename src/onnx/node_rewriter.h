// SPDX-License-Identifier: Apache-2.0
// NodeRewriter: what the rewrite of one node sees of the GraphBuilder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "onnx/graph_builder.h"
#include "onnx/upgrade/upgrade.h"

namespace ferry::onnx {

class NodeRewriter final : public Rewriter {
 public:
  NodeRewriter(GraphBuilder& builder, GraphBuilder::Scope& scope, const SourceNode& node,
               std::vector<SourceNode>& after)
      : builder_(builder),
        scope_(scope),
        name_(node.name),
        version_(scope.opsets->version(node.domain)),
        origin_(node.origin),
        after_(after) {}

  int version() const override { return version_; }
  Type type(ValueId value) const override {
    return value == kNone ? Type() : scope_.graph->value(value).type;
  }
  const Tensor* constant(ValueId value) const override {
    if (value == kNone) return nullptr;
    const GraphValue& v = scope_.graph->value(value);
    return v.constant && !v.overridable ? &*v.constant : nullptr;
  }
  ValueId add_constant(Tensor tensor) override {
    return scope_.graph->add_constant(std::move(tensor));
  }
  ValueId new_value() override { return scope_.graph->add_value(); }
  Status add_before(SourceNode node) override { return builder_.add_node(scope_, named(node)); }
  void add_after(SourceNode node) override { after_.push_back(named(node)); }

 private:
  SourceNode named(SourceNode& node) const {
    if (node.name.empty()) node.name = name_;
    if (!node.origin) node.origin = origin_;
    return std::move(node);
  }

  GraphBuilder& builder_;
  GraphBuilder::Scope& scope_;
  std::string name_;
  int version_;
  std::shared_ptr<const Origin> origin_;
  std::vector<SourceNode>& after_;
};

}  // namespace ferry::onnx
