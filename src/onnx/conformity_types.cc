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

}  // namespace

Status GraphBuilder::check_source_types(const Scope& scope, const SourceNode& node,
                                        bool outputs) const {
  const Schema* schema =
      find_schema(full_name(node.domain, node.op_type), scope.opsets->version(node.domain));
  // In bodies the types of inputs are known only when the node around is inferred.
  if (schema == nullptr || !scope.top) return {};
  const std::string_view what = outputs ? "output" : "input";
  const auto& values = outputs ? node.outputs : node.inputs;
  const auto parameters = outputs ? schema->outputs : schema->inputs;
  std::map<uint8_t, std::pair<size_t, const Type*>> groups;
  for (size_t i = 0; i < values.size(); ++i) {
    const SchemaParameter* p = Schema::at(parameters, i);
    if (p == nullptr || values[i] == kNone) continue;
    const Type& type = scope.graph->value(values[i]).type;
    const SchemaTypes& allowed = Schema::types(*p);
    if (!allowed.allows(type)) {
      return unsupported_type("{} {} is {}; version {} allows {}", what, i, type.to_string(),
                              schema->since, allowed.to_string());
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

// What the file says of values must not contradict what follows from the inputs.
Status GraphBuilder::check_stated(const Scope& scope, const GraphProto& proto) {
  const auto read = [](size_t axis, std::optional<int64_t> value, std::string_view) {
    return value && *value >= 0 ? Dim(*value) : Dim::symbol(fmt::format("%stated.{}", axis));
  };
  for (const auto* list : {&proto.value_info, &proto.outputs}) {
    for (const ValueInfoProto& v : *list) {
      const auto it = scope.names.find(v.name);
      if (it == scope.names.end() || it->second == kNone) continue;
      const std::string where = fmt::format("value '{}'", v.name);
      auto stated = wire_.type(v.type, read);
      if (!stated.ok()) return std::move(stated).status().with_context(where);
      const Type& found = scope.graph->value(it->second).type;
      // An optional that is filled may be stated as what it holds.
      const Type& type = found.kind == Type::Kind::kOptional && stated->kind != found.kind
                             ? *found.element
                             : found;
      if (!agree(*stated, type, true)) {
        return invalid_model("{} is stated to be {}, its node makes {}", where,
                             stated->to_string(), found.to_string());
      }
    }
  }
  return {};
}

}  // namespace ferry::onnx
