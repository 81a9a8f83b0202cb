// SPDX-License-Identifier: Apache-2.0
#include "onnx/graph_builder.h"

#include <algorithm>

#include "base/status.h"
#include "ir/infer.h"
#include "onnx/attributes.h"
#include "onnx/constant_node.h"
#include "onnx/node_rewriter.h"
#include "onnx/source_order.h"
#include "ops/registry.h"

namespace ferry::onnx {

Result<std::unique_ptr<Graph>> GraphBuilder::build() {
  const GraphProto& proto = *model_.graph;
  auto graph = std::make_unique<Graph>();
  graph->name = proto.name;
  graph->doc = proto.doc;
  Scope scope;
  scope.graph = graph.get();
  scope.opsets = &opsets_;
  FERRY_RETURN_IF_ERROR(add_initializers(scope, proto));
  FERRY_RETURN_IF_ERROR(add_model_inputs(scope, proto));
  FERRY_ASSIGN_OR_RETURN(const std::vector<uint32_t> order, source_order(proto.nodes));
  FERRY_RETURN_IF_ERROR(import_nodes(scope, proto.nodes, order));
  FERRY_RETURN_IF_ERROR(add_outputs(scope, proto));
  FERRY_RETURN_IF_ERROR(check_model_outputs(*graph, proto));
  if (strict_) {
    FERRY_RETURN_IF_ERROR(check_stated(*graph, scope.names, proto, false));
    FERRY_RETURN_IF_ERROR(check_bodies());
  }
  return graph;
}

// --- names

Status GraphBuilder::define(Scope& scope, std::string_view name, ValueId value) {
  if (name.empty()) return invalid_model("a value without a name is defined");
  if (!scope.names.emplace(name, value).second) {
    return invalid_model("value '{}' is defined twice", name);
  }
  return {};
}

std::optional<ValueId> GraphBuilder::lookup(Scope& scope, std::string_view name) {
  if (const auto it = scope.names.find(name); it != scope.names.end()) return it->second;
  if (scope.parent == nullptr) return std::nullopt;
  const std::optional<ValueId> outer = lookup(*scope.parent, name);
  if (!outer || *outer == kNone) return outer;
  const ValueId inner = capture(scope, *outer, name);
  scope.names.emplace(name, inner);
  return inner;
}

// Constants are copied into the body (they share storage); anything else becomes an input of it.
ValueId GraphBuilder::capture(Scope& scope, ValueId outer, std::string_view name) {
  if (const auto it = scope.captured.find(outer); it != scope.captured.end()) return it->second;
  const GraphValue& value = scope.parent->graph->value(outer);
  if (value.constant && !value.overridable) {
    return scope.graph->add_constant(*value.constant, std::string(name));
  }
  const ValueId inner = scope.graph->add_input(std::string(name), value.type);
  scope.graph->value(inner).known = value.known;
  scope.captured.emplace(outer, inner);
  return inner;
}

Result<ValueId> GraphBuilder::use(Scope& scope, std::string_view name, std::string_view what) {
  if (name.empty()) return kNone;
  const std::optional<ValueId> id = lookup(scope, name);
  if (!id) return invalid_model("{} '{}' is defined nowhere", what, name);
  return *id;
}

Result<ValueId> GraphBuilder::define_output(Scope& scope, std::string_view name) {
  if (name.empty()) return kNone;
  const auto bound = scope.results.find(name);
  const ValueId id = bound != scope.results.end()
                         ? bound->second
                         : scope.graph->add_value(scope.prefix + std::string(name));
  FERRY_RETURN_IF_ERROR(define(scope, name, id));
  return id;
}

// --- nodes

Status GraphBuilder::import_nodes(Scope& scope, std::span<const NodeProto> nodes,
                                  std::span<const uint32_t> order) {
  for (uint32_t i : order) {
    Status status = import_node(scope, nodes[i]);
    if (status.ok()) continue;
    const std::string where = describe(nodes[i], scope.prefix);
    // Inference has named the node already, unless the error comes from inside a function. It calls
    // a nameless one by its output.
    const std::string_view ends = std::string_view(where).substr(where.find('\'') + 1);
    if (status.message().starts_with(where) ||
        status.message().starts_with(fmt::format("node '{}", ends))) {
      return status;
    }
    return std::move(status).with_context(where);
  }
  return {};
}

Status GraphBuilder::count_node() {
  const Limits& limits = wire_.limits();
  const uint64_t source = wire_.num_nodes();
  ++imported_nodes_;
  if (imported_nodes_ > limits.max_nodes) {
    return limit_exceeded("more than {} nodes after inlining functions (max_nodes)",
                          limits.max_nodes);
  }
  if (imported_nodes_ > source * limits.max_inline_growth + limits.max_inline_extra_nodes) {
    return limit_exceeded(
        "inlining functions makes over {} nodes of the {} in the file (max_inline_growth, "
        "max_inline_extra_nodes)",
        imported_nodes_ - 1, source);
  }
  return {};
}

Status GraphBuilder::import_node(Scope& scope, const NodeProto& proto) {
  FERRY_RETURN_IF_ERROR(count_node());
  if (const auto* function = functions_.find(proto)) {
    return inline_function(scope, proto, *function);
  }
  if (proto.op_type == "Constant" && canonical_domain(proto.domain).empty()) {
    return import_constant(scope, proto);
  }
  if (full_name(proto.domain, proto.op_type) == kGradient) return import_gradient(scope, proto);
  return import_op(scope, proto);
}

// Far above what any operator or function declares. Attributes are looked up one by one.
static constexpr size_t kMaxAttributes = 4096;

Status GraphBuilder::read_attributes(Scope& scope, const NodeProto& proto, SourceNode& out) {
  if (proto.attributes.size() > kMaxAttributes) {
    return limit_exceeded("{} attributes; the most that are read of a node is {}",
                          proto.attributes.size(), kMaxAttributes);
  }
  for (const AttributeProto& a : proto.attributes) {
    const auto same = [&](const auto& other) { return other.first == a.name; };
    if (std::any_of(out.attrs.begin(), out.attrs.end(), same) ||
        std::any_of(out.bodies.begin(), out.bodies.end(), same)) {
      return invalid_model("attribute '{}' is given twice", a.name);
    }
    if (!a.ref_attr_name.empty()) {
      if (scope.call_attrs == nullptr) {
        return invalid_model("attribute '{}' refers to '{}' of a function, outside of any", a.name,
                             a.ref_attr_name);
      }
      for (const auto& [name, value] : *scope.call_attrs) {
        if (name == a.ref_attr_name) out.attrs.emplace_back(a.name, value);
      }
    } else if (a.type == AttributeType::kGraph && a.graphs.size() == 1) {
      out.bodies.emplace_back(a.name, a.graphs[0]);
    } else {
      FERRY_ASSIGN_OR_RETURN(AttrValue value, read_attribute(wire_, tensors_, a));
      out.attrs.emplace_back(a.name, std::move(value));
    }
  }
  return {};
}

Result<SourceNode> GraphBuilder::read_node(Scope& scope, const NodeProto& proto) {
  SourceNode node;
  node.op_type = proto.op_type;
  node.domain = canonical_domain(proto.domain);
  std::string_view name = proto.name;
  for (size_t i = 0; name.empty() && i < proto.outputs.size(); ++i) name = proto.outputs[i];
  node.name = scope.prefix + std::string(name);
  Origin origin;
  origin.nodes.push_back(node.name);
  for (const auto& [key, value] : proto.metadata) origin.metadata.emplace_back(key, value);
  node.origin = std::make_shared<const Origin>(std::move(origin));
  for (std::string_view input : proto.inputs) {
    FERRY_ASSIGN_OR_RETURN(const ValueId id, use(scope, input, "input"));
    node.inputs.push_back(id);
  }
  FERRY_RETURN_IF_ERROR(read_attributes(scope, proto, node));
  return node;
}

Status GraphBuilder::import_constant(Scope& scope, const NodeProto& proto) {
  FERRY_ASSIGN_OR_RETURN(SourceNode node, read_node(scope, proto));
  FERRY_ASSIGN_OR_RETURN(Tensor tensor, constant_tensor(node));
  if (proto.outputs.size() != 1 || !proto.inputs.empty()) {
    return invalid_model("has {} inputs and {} outputs, wanted are 0 and 1", proto.inputs.size(),
                         proto.outputs.size());
  }
  FERRY_ASSIGN_OR_RETURN(const ValueId id, define_output(scope, proto.outputs[0]));
  if (id == kNone) return {};
  GraphValue& value = scope.graph->value(id);
  value.type = Type::tensor(tensor.dtype(), shape_of(tensor.dims()));
  value.constant = std::move(tensor);
  if (!strict_ || proto.newest) return {};
  node.outputs = {id};
  return check_source_types(scope, node, true);
}

Status GraphBuilder::import_op(Scope& scope, const NodeProto& proto) {
  FERRY_ASSIGN_OR_RETURN(SourceNode node, read_node(scope, proto));
  for (std::string_view output : proto.outputs) {
    FERRY_ASSIGN_OR_RETURN(const ValueId id, define_output(scope, output));
    node.outputs.push_back(id);
  }
  const bool checked = strict_ && !proto.newest;
  if (checked) FERRY_RETURN_IF_ERROR(check_source_types(scope, node, false));
  const SourceNode source = checked ? node : SourceNode();
  std::vector<SourceNode> after;
  if (!proto.newest) FERRY_RETURN_IF_ERROR(upgrade(scope, node, after));
  if (!node.op_type.empty()) FERRY_RETURN_IF_ERROR(add_node(scope, std::move(node)));
  for (SourceNode& next : after) FERRY_RETURN_IF_ERROR(add_node(scope, std::move(next)));
  return checked ? check_source_types(scope, source, true) : Status();
}

Status GraphBuilder::upgrade(Scope& scope, SourceNode& node, std::vector<SourceNode>& after) {
  const std::string name = full_name(node.domain, node.op_type);
  const int version = scope.opsets->version(node.domain);
  NodeRewriter rewriter(*this, scope, node, after);
  for (const UpgradeRow& row : upgrades_of(name)) {
    if (version >= row.before) continue;
    if (node.outputs.empty()) return invalid_model("has no outputs");
    FERRY_RETURN_IF_ERROR(row.rewrite(node, rewriter));
    // A rewrite that changes the operator makes the newest version of the other.
    if (full_name(node.domain, node.op_type) != name) break;
  }
  return {};
}

namespace {

Status check_arity(std::string_view what, size_t seen, const Arity& wanted) {
  if (seen >= wanted.min && seen <= wanted.max) return {};
  const std::string range = wanted.min == wanted.max ? fmt::format("{}", wanted.min)
                            : wanted.max == Arity::kAny
                                ? fmt::format("{} or more", wanted.min)
                                : fmt::format("{} to {}", wanted.min, wanted.max);
  return invalid_model("has {} {}, wanted are {}", seen, what, range);
}

void trim(std::vector<ValueId>& values) {
  while (!values.empty() && values.back() == kNone) values.pop_back();
}

}  // namespace

Status GraphBuilder::add_node(Scope& scope, SourceNode source) {
  FERRY_ASSIGN_OR_RETURN(Op op, bind_op(source));
  Node node;
  node.op = std::move(op);
  node.name = source.name;
  node.origin = source.origin;
  node.inputs = std::move(source.inputs);
  node.outputs = std::move(source.outputs);
  trim(node.inputs);
  trim(node.outputs);
  FERRY_RETURN_IF_ERROR(check_arity("inputs", node.inputs.size(), node.op.def().inputs));
  // Outputs that nobody wants may be left out from the end.
  Arity outputs = node.op.def().outputs;
  outputs.min = 0;
  FERRY_RETURN_IF_ERROR(check_arity("outputs", node.outputs.size(), outputs));
  FERRY_RETURN_IF_ERROR(build_bodies(scope, source, node));
  return infer(scope, scope.graph->add_node(std::move(node)));
}

Status GraphBuilder::build_bodies(Scope& scope, const SourceNode& source, Node& node) {
  std::vector<Scope> scopes(node.op.def().bodies.size());
  for (size_t i = 0; i < scopes.size(); ++i) {
    const auto it = std::find_if(source.bodies.begin(), source.bodies.end(),
                                 [&](const auto& b) { return b.first == node.op.def().bodies[i]; });
    auto body = std::make_unique<Graph>();
    if (it == source.bodies.end()) {
      body->name = node.op.def().bodies[i];
      const ValueId value = body->add_input(body->name, {});
      body->set_outputs({value});
      scopes[i].graph = body.get();
      node.bodies.push_back(std::move(body));
      continue;
    }
    const GraphProto& proto = *it->second;
    body->name = proto.name;
    Scope& s = scopes[i];
    s.graph = body.get();
    s.parent = &scope;
    s.opsets = scope.opsets;
    s.call_attrs = scope.call_attrs;
    s.top = false;
    const auto build_body = [&]() -> Status {
      FERRY_RETURN_IF_ERROR(add_initializers(s, proto));
      FERRY_RETURN_IF_ERROR(add_body_inputs(s, proto));
      FERRY_ASSIGN_OR_RETURN(const std::vector<uint32_t> order, source_order(proto.nodes));
      FERRY_RETURN_IF_ERROR(import_nodes(s, proto.nodes, order));
      return add_outputs(s, proto);
    };
    FERRY_RETURN_IF_ERROR(build_body().with_context(it->first));
    if (strict_) {
      body_checks_.push_back({.graph = s.graph,
                              .where = fmt::format("node '{}': {}", source.name, it->first),
                              .stated = it->second,
                              .names = s.names});
    }
    node.bodies.push_back(std::move(body));
  }
  // Every body takes the captures of all, in one order.
  std::set<ValueId> all;
  for (const Scope& s : scopes) {
    for (const auto& [outer, inner] : s.captured) all.insert(outer);
  }
  for (Scope& s : scopes) {
    std::vector<ValueId> inputs = s.graph->inputs();
    inputs.resize(inputs.size() - s.captured.size());
    for (ValueId outer : all) {
      const auto it = s.captured.find(outer);
      const GraphValue& value = scope.graph->value(outer);
      inputs.push_back(it != s.captured.end() ? it->second
                                              : s.graph->add_value(value.name, value.type));
    }
    s.graph->set_inputs(std::move(inputs));
  }
  node.num_captures = static_cast<uint32_t>(all.size());
  node.inputs.insert(node.inputs.end(), all.begin(), all.end());
  return {};
}

Status GraphBuilder::infer(Scope& scope, NodeId id) {
  const Status status = infer_node(*scope.graph, id);
  // What a body's inputs are is known only when its node is inferred, which infers the body again.
  if (!scope.top) return {};
  FERRY_RETURN_IF_ERROR(status);
  const Node& node = scope.graph->node(id);
  for (ValueId v : node.outputs) {
    if (v == kNone) continue;
    const Type& type = scope.graph->value(v).type;
    if (type.has_rank() && type.rank() > Dims::kMaxRank) {
      return limit_exceeded("output '{}' has rank {}; Ferry runs tensors of rank up to {}",
                            scope.graph->value(v).name, type.rank(), Dims::kMaxRank);
    }
  }
  return {};
}

}  // namespace ferry::onnx
