// SPDX-License-Identifier: Apache-2.0
// GraphBuilder: what `strict` checks of types. onnx.checker does the same in its full check.
#include <map>

#include "base/status.h"
#include "onnx/graph_builder.h"
#include "onnx/schema.h"

namespace ferry::onnx {
namespace {

// Whether two types may be of one value: unknown parts agree with anything.
bool agree(const Type& a, const Type& b, bool shapes) {
  if (a.kind == Type::Kind::kUnknown || b.kind == Type::Kind::kUnknown) return true;
  if (a.kind != b.kind) return false;
  const bool known = a.dtype != DType::kUndefined && b.dtype != DType::kUndefined;
  if (known && a.dtype != b.dtype) return false;
  if (a.element && b.element) return agree(*a.element, *b.element, shapes);
  if (!shapes || !a.is_tensor() || !a.has_rank() || !b.has_rank()) return true;
  if (a.rank() != b.rank()) return false;
  for (size_t i = 0; i < a.rank(); ++i) {
    const Dim &x = (*a.shape)[i], &y = (*b.shape)[i];
    if (x.is_constant() && y.is_constant() && !(x == y)) return false;
  }
  return true;
}

Status check_signature(const Graph& graph, const Schema& schema, const std::vector<ValueId>& values,
                       bool outputs) {
  const std::string_view what = outputs ? "output" : "input";
  const auto parameters = outputs ? schema.outputs : schema.inputs;
  std::map<uint8_t, std::pair<size_t, const Type*>> groups;
  for (size_t i = 0; i < values.size(); ++i) {
    const SchemaParameter* p = Schema::at(parameters, i);
    if (p == nullptr || values[i] == kNone) continue;
    const Type& type = graph.value(values[i]).type;
    const SchemaTypes& allowed = Schema::types(*p);
    if (!allowed.allows(type)) {
      return unsupported_type("{} {} is {}; version {} allows {}", what, i, type.to_string(),
                              schema.since, allowed.to_string());
    }
    const auto option = static_cast<SchemaOption>(p->option);
    if (p->group == 0 || option == SchemaOption::kVariadicMixed) continue;
    const auto [it, fresh] = groups.emplace(p->group, std::pair(i, &type));
    if (!fresh && !agree(*it->second.second, type, false)) {
      return invalid_model("{}s {} and {} are {} and {}, wanted is one type", what,
                           it->second.first, i, it->second.second->to_string(), type.to_string());
    }
  }
  return {};
}

// Parts that differ in size came with opset 18.
Status check_even_split(const Type& x, const SourceNode& node) {
  const auto parts = static_cast<int64_t>(node.outputs.size());
  int64_t axis = node.get_int("axis", 0);
  if (!x.has_rank() || parts == 0) return {};
  const auto rank = static_cast<int64_t>(x.rank());
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank) return {};
  const Dim& size = (*x.shape)[static_cast<size_t>(axis)];
  if (!size.is_constant() || size.constant() % parts == 0) return {};
  return shape_mismatch("axis {} of {} does not part into {} of one size; name the sizes", axis,
                        x.to_string(), parts);
}

// Empty lists, which Ferry takes for absent ones, and what ai.onnx.ml wants of its inputs.
Status check_oddities(const Graph& graph, const Schema& schema, const SourceNode& node) {
  if (!node.has_input(0)) return {};
  const Type& x = graph.value(node.inputs[0]).type;
  const std::string& op = node.op_type;
  const bool windows = op.find("Conv") != std::string::npos || op.find("Pool") != std::string::npos;
  const bool permuted = op == "Transpose" && x.has_rank() && x.rank() > 0;
  for (const auto& [name, value] : node.attrs) {
    const auto* ints = std::get_if<std::vector<int64_t>>(&value);
    if (ints != nullptr && ints->empty() && (windows || permuted)) {
      return invalid_model("attribute '{}' is an empty list; leave it out for its default", name);
    }
  }
  if (op == "Split" && schema.since < 18 && !node.has_input(1) && node.find("split") == nullptr) {
    return check_even_split(x, node);
  }
  if (node.domain != "ai.onnx.ml") return {};
  if (op.starts_with("TreeEnsemble") && x.has_rank() && x.rank() != 2) {
    return invalid_model("input 0 is {}, wanted is a matrix of rows", x.to_string());
  }
  for (std::string_view name : {"nodes_splits", "leaf_weights", "membership_values"}) {
    const auto* t = node.find(name) == nullptr ? nullptr : std::get_if<Tensor>(node.find(name));
    if (op == "TreeEnsemble" && t != nullptr && (t->dtype() != x.dtype || t->rank() != 1)) {
      return invalid_model("{} is {}, wanted is a list of {} as input 0", name, t->describe(),
                           dtype_name(x.dtype));
    }
  }
  const auto* fallback = node.find("default_tensor") == nullptr
                             ? nullptr
                             : std::get_if<Tensor>(node.find("default_tensor"));
  if (fallback != nullptr && fallback->rank() != 1) {
    return invalid_model("default_tensor is {}, wanted is a list of one", fallback->describe());
  }
  return {};
}

}  // namespace

Status GraphBuilder::check_source_types(const Scope& scope, const SourceNode& node, bool outputs) {
  const std::string op = full_name(node.domain, node.op_type);
  const Schema* schema = find_schema(op, scope.opsets->version(node.domain));
  if (schema == nullptr) return {};
  const auto& values = outputs ? node.outputs : node.inputs;
  if (!outputs) FERRY_RETURN_IF_ERROR(check_oddities(*scope.graph, *schema, node));
  if (scope.top) return check_signature(*scope.graph, *schema, values, outputs);
  body_checks_.push_back({.graph = scope.graph,
                          .where = fmt::format("node '{}' ({})", node.name, op),
                          .schema = schema,
                          .values = values,
                          .outputs = outputs});
  return {};
}

// What the file says of values must not contradict what follows from the inputs.
Status GraphBuilder::check_stated(const Graph& graph, const ValueNames& names,
                                  const GraphProto& proto, bool inputs) {
  const auto read = [](size_t axis, std::optional<int64_t> value, std::string_view) {
    return value && *value >= 0 ? Dim(*value) : Dim::symbol(fmt::format("%stated.{}", axis));
  };
  const auto check = [&](const std::vector<ValueInfoProto>& list) -> Status {
    for (const ValueInfoProto& v : list) {
      const auto it = names.find(v.name);
      if (it == names.end() || it->second == kNone) continue;
      const std::string where = fmt::format("value '{}'", v.name);
      auto stated = wire_.type(v.type, read);
      if (!stated.ok()) return std::move(stated).status().with_context(where);
      const Type& found = graph.value(it->second).type;
      // An optional that is filled may be stated as what it holds.
      const Type& type = found.kind == Type::Kind::kOptional && stated->kind != found.kind
                             ? *found.element
                             : found;
      if (!agree(*stated, type, true)) {
        return invalid_model("{} is stated to be {}, its node makes {}", where, stated->to_string(),
                             found.to_string());
      }
    }
    return {};
  };
  if (inputs) FERRY_RETURN_IF_ERROR(check(proto.inputs));
  FERRY_RETURN_IF_ERROR(check(proto.value_info));
  return check(proto.outputs);
}

Status GraphBuilder::check_bodies() {
  for (const BodyCheck& c : body_checks_) {
    const Status status = c.stated ? check_stated(*c.graph, c.names, *c.stated, true)
                                   : check_signature(*c.graph, *c.schema, c.values, c.outputs);
    if (!status.ok()) return status.with_context(c.where);
  }
  return {};
}

}  // namespace ferry::onnx
