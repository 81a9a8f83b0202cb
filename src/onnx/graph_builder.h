// SPDX-License-Identifier: Apache-2.0
// GraphBuilder: from decoded messages to a Graph: resolves names, inlines functions, makes captures
// of bodies explicit, upgrades and binds operators, and infers types as it goes.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "ir/graph.h"
#include "onnx/functions.h"
#include "onnx/opsets.h"
#include "onnx/source_node.h"
#include "onnx/tensor_proto.h"

namespace ferry::onnx {

// The operator that stands for the derivative of a part of its graph.
inline constexpr std::string_view kGradient = "ai.onnx.preview.training.Gradient";

struct Schema;

class GraphBuilder {
 public:
  GraphBuilder(Wire& wire, const ModelProto& model, const Opsets& opsets,
               const Functions& functions, TensorReader& tensors, bool strict = false)
      : wire_(wire),
        model_(model),
        opsets_(opsets),
        functions_(functions),
        tensors_(tensors),
        strict_(strict) {}

  // The model's graph.
  Result<std::unique_ptr<Graph>> build();
  std::vector<Type>& declared_outputs() { return declared_outputs_; }

 private:
  friend class NodeRewriter;
  friend class Differentiation;

  using Attrs = std::vector<std::pair<std::string, AttrValue>>;

  // Where names mean something: a graph, a body in it, or one call of a function.
  struct Scope {
    Graph* graph = nullptr;
    Scope* parent = nullptr;                              // of a body: where its captures come from
    std::unordered_map<std::string_view, ValueId> names;  // kNone: an absent function input
    // Bodies: values of the parent's graph and what stands for them here.
    std::map<ValueId, ValueId> captured;
    // Functions: names whose values the caller has already made.
    std::unordered_map<std::string_view, ValueId> results;
    const Opsets* opsets = nullptr;
    const Attrs* call_attrs = nullptr;  // of the innermost function; null outside of any
    std::string prefix;                 // of names made in a function
    bool top = true;                    // not in a body: types are facts
  };

  using ValueNames = std::unordered_map<std::string_view, ValueId>;
  // What strict checks of a body, or of a node in it, when all around is inferred.
  struct BodyCheck {
    const Graph* graph = nullptr;
    std::string where = {};
    std::shared_ptr<const GraphProto> stated = nullptr;  // of a body
    ValueNames names = {};
    const Schema* schema = nullptr;  // of a node
    std::vector<ValueId> values = {};
    bool outputs = false;
  };

  Status add_initializers(Scope& scope, const GraphProto& proto);
  Status add_model_inputs(Scope& scope, const GraphProto& proto);
  Status add_body_inputs(Scope& scope, const GraphProto& proto);
  Status add_outputs(Scope& scope, const GraphProto& proto);
  Status check_model_outputs(const Graph& graph, const GraphProto& proto);
  // strict: types against the signature of the version that the file imports, and against what the
  // file says of values. In bodies both wait until the nodes around are inferred.
  Status check_source_types(const Scope& scope, const SourceNode& node, bool outputs);
  Status check_stated(const Graph& graph, const ValueNames& names, const GraphProto& proto,
                      bool inputs);
  Status check_bodies();

  std::optional<ValueId> lookup(Scope& scope, std::string_view name);
  ValueId capture(Scope& scope, ValueId outer, std::string_view name);
  Result<ValueId> use(Scope& scope, std::string_view name, std::string_view what);
  Status define(Scope& scope, std::string_view name, ValueId value);
  Result<ValueId> define_output(Scope& scope, std::string_view name);

  Status import_nodes(Scope& scope, std::span<const NodeProto> nodes,
                      std::span<const uint32_t> order);
  Status import_node(Scope& scope, const NodeProto& proto);
  Status import_op(Scope& scope, const NodeProto& proto);
  Status import_constant(Scope& scope, const NodeProto& proto);
  Status import_gradient(Scope& scope, const NodeProto& proto);
  Status inline_function(Scope& scope, const NodeProto& proto, const Functions::Function& function);
  Status count_node();

  Status read_attributes(Scope& scope, const NodeProto& proto, SourceNode& out);
  Result<SourceNode> read_node(Scope& scope, const NodeProto& proto);
  Status upgrade(Scope& scope, SourceNode& node, std::vector<SourceNode>& after);
  Status add_node(Scope& scope, SourceNode node);
  Status build_bodies(Scope& scope, const SourceNode& source, Node& node);
  Status infer(Scope& scope, NodeId id);

  Wire& wire_;
  const ModelProto& model_;
  const Opsets& opsets_;
  const Functions& functions_;
  TensorReader& tensors_;
  bool strict_ = false;
  std::vector<BodyCheck> body_checks_;
  std::set<const FunctionProto*> active_;  // functions being inlined
  uint64_t imported_nodes_ = 0;
  std::vector<Type> declared_outputs_;
};

}  // namespace ferry::onnx
