// SPDX-License-Identifier: Apache-2.0
#include "onnx/conformity.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "base/nearest.h"
#include "base/status.h"
#include "ir/infer.h"
#include "onnx/opsets.h"
#include "onnx/schema.h"
#include "onnx/source_order.h"
#include "onnx/upgrade/upgrade.h"

namespace ferry::onnx {
namespace {

using Imports = std::map<std::string, int64_t, std::less<>>;
using Names = std::set<std::string_view>;

// Names that a graph sees: its own and those around it.
struct Lexical {
  const Lexical* outer = nullptr;
  Names names;

  bool sees(std::string_view name) const {
    return names.contains(name) || (outer != nullptr && outer->sees(name));
  }
};

constexpr uint32_t bit(AttributeType type) { return 1u << static_cast<uint32_t>(type); }

class Checker {
 public:
  Checker(Wire& wire, TensorReader& tensors, const ModelProto& model, const Functions& functions)
      : wire_(wire), tensors_(tensors), model_(model), functions_(functions) {}

  Status check();

 private:
  Status imports(const std::vector<OpsetImport>& list, Imports& out) const;
  Status functions(const Imports& own);
  Status calls() const;
  Status function(const FunctionProto& f, const Imports& around);
  Status same_versions(const FunctionProto& f, const Imports& own, const Imports& around) const;
  Status function_tensors(const GraphProto& g);
  Status graph(const GraphProto& g, const Imports& imports, const Lexical* outer, bool in_function);
  Status graph_values(const GraphProto& g, bool main, Lexical& scope);
  Status nodes(const std::vector<NodeProto>& list, const Imports& imports, Lexical& scope,
               bool in_function);
  Status node(const NodeProto& n, const Imports& imports, const Lexical& scope, bool in_function);
  Status standard_name(const NodeProto& n, const std::string& name) const;
  Status signature(const NodeProto& n, const Schema& schema) const;
  Status attribute_values(const NodeProto& n, const Schema& schema);
  Status attribute(const AttributeProto& a, const Imports& imports, const Lexical& scope,
                   bool in_function);
  Status stated(const ValueInfoProto& v, std::string_view what, bool interface);

  Wire& wire_;
  TensorReader& tensors_;
  const ModelProto& model_;
  const Functions& functions_;
};

Status Checker::check() {
  std::set<std::string_view> keys;
  for (const auto& [key, value] : model_.metadata) {
    if (!keys.insert(key).second) return invalid_model("metadata '{}' is given twice", key);
  }
  Imports own;
  FERRY_RETURN_IF_ERROR(imports(model_.opsets, own));
  if (model_.ir_version >= 3 && own.empty()) {
    return invalid_model("the model imports no opset; IR version {} wants one for each domain",
                         model_.ir_version);
  }
  if (model_.ir_version < 3 && !own.empty()) {
    return invalid_model("the model imports opsets; IR version {} has none", model_.ir_version);
  }
  if (own.empty()) own.emplace("", 1);
  FERRY_RETURN_IF_ERROR(functions(own));
  return graph(*model_.graph, own, nullptr, false);
}

Status Checker::functions(const Imports& own) {
  FERRY_RETURN_IF_ERROR(calls());
  // A function may use domains that the model itself does not; all functions then agree on them.
  Imports around = own;
  for (const FunctionProto& f : model_.functions) {
    for (const OpsetImport& o : f.opsets) {
      around.emplace(std::string(canonical_domain(o.domain)), o.version);
    }
  }
  for (const FunctionProto& f : model_.functions) {
    FERRY_RETURN_IF_ERROR(function(f, around).with_context(fmt::format("function '{}'", f.name)));
  }
  return {};
}

namespace {

void visit_nodes(const std::vector<NodeProto>& nodes,
                 const std::function<void(const NodeProto&)>& visit) {
  for (const NodeProto& n : nodes) {
    visit(n);
    for (const AttributeProto& a : n.attributes) {
      for (const auto& body : a.graphs) visit_nodes(body->nodes, visit);
    }
  }
}

}  // namespace

// Functions must not call themselves, those that nobody calls included.
Status Checker::calls() const {
  const auto& list = model_.functions;
  std::vector<std::vector<uint32_t>> callees(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    visit_nodes(list[i].nodes, [&](const NodeProto& n) {
      const auto* f = functions_.find(n);
      if (f != nullptr) callees[i].push_back(static_cast<uint32_t>(f->proto - list.data()));
    });
  }
  std::vector<uint32_t> cycle;
  sort_dependencies(callees, cycle);
  if (cycle.empty()) return {};
  const auto name = [&](uint32_t i) {
    return fmt::format("'{}'", full_name(list[i].domain, list[i].name));
  };
  return invalid_model("function {} calls itself: {}", name(cycle[0]),
                       describe_cycle(cycle, "->", name));
}

Status Checker::imports(const std::vector<OpsetImport>& list, Imports& out) const {
  for (const OpsetImport& o : list) {
    const std::string domain(canonical_domain(o.domain));
    if (o.version > INT32_MAX) {
      return invalid_model("opset {} of domain '{}'; the highest is {}", o.version, o.domain,
                           INT32_MAX);
    }
    // Converters of scikit-learn import one domain several times, at one version.
    out.emplace(domain, o.version);
  }
  return {};
}

Status Checker::function(const FunctionProto& f, const Imports& around) {
  if (f.name.empty()) return invalid_model("it has no name");
  if (f.domain.data() == nullptr) return invalid_model("it has no domain");
  if (model_.ir_version < 8) {
    return invalid_model("functions came with IR version 8, the model has {}", model_.ir_version);
  }
  Imports own;
  FERRY_RETURN_IF_ERROR(imports(f.opsets, own));
  Lexical scope;
  for (std::string_view name : f.inputs) {
    if (name.empty()) return invalid_model("an input has no name");
    if (!scope.names.insert(name).second) return invalid_model("input '{}' is listed twice", name);
  }
  Names outputs, attributes;
  for (std::string_view name : f.outputs) {
    if (name.empty()) return invalid_model("an output has no name");
    if (!outputs.insert(name).second) return invalid_model("output '{}' is listed twice", name);
  }
  for (std::string_view name : f.attributes) {
    if (!attributes.insert(name).second)
      return invalid_model("attribute '{}' is listed twice", name);
  }
  for (const AttributeProto& a : f.attribute_defaults) {
    if (!attributes.insert(a.name).second)
      return invalid_model("attribute '{}' is listed twice", a.name);
    FERRY_RETURN_IF_ERROR(attribute(a, own, scope, false));
  }
  FERRY_RETURN_IF_ERROR(same_versions(f, own, around));
  FERRY_RETURN_IF_ERROR(nodes(f.nodes, own, scope, true));
  for (std::string_view name : f.outputs) {
    if (!scope.sees(name)) return invalid_model("output '{}' is defined nowhere", name);
  }
  return {};
}

// An operator must mean in a function what it means in the model's other nodes.
Status Checker::same_versions(const FunctionProto& f, const Imports& own,
                              const Imports& around) const {
  for (const NodeProto& n : f.nodes) {
    const std::string_view domain = canonical_domain(n.domain);
    const auto here = own.find(domain), there = around.find(domain);
    if (here == own.end() || there == around.end() || here->second == there->second) continue;
    const std::string name = full_name(n.domain, n.op_type);
    const Schema *a = find_schema(name, here->second), *b = find_schema(name, there->second);
    if (a == b) continue;
    return invalid_model(
        "{}: the function imports opset {} and the model {}, between which {} changed; convert "
        "either to the opset of the other",
        describe(n), here->second, there->second, name);
  }
  return {};
}

// Initializers of the bodies in a function.
Status Checker::function_tensors(const GraphProto& g) {
  for (const InitializerProto& t : g.initializers) {
    FERRY_RETURN_IF_ERROR(tensors_.read(t.message).status());
  }
  for (const InitializerProto& t : g.sparse_initializers) {
    FERRY_RETURN_IF_ERROR(tensors_.read_sparse(t.message).status());
  }
  return {};
}

Status Checker::graph(const GraphProto& g, const Imports& imports, const Lexical* outer,
                      bool in_function) {
  Lexical scope{outer, {}};
  if (g.name.empty()) return invalid_model("the graph has no name");
  FERRY_RETURN_IF_ERROR(graph_values(g, outer == nullptr, scope));
  FERRY_RETURN_IF_ERROR(nodes(g.nodes, imports, scope, in_function));
  for (const ValueInfoProto& v : g.outputs) {
    if (scope.names.contains(v.name)) continue;
    if (!scope.sees(v.name)) return invalid_model("output '{}' is defined nowhere", v.name);
    return invalid_model(
        "output '{}' is a value of the graph around, wanted is one of its own; an Identity makes "
        "it "
        "one",
        v.name);
  }
  if (in_function) return function_tensors(g);
  return {};
}

Status Checker::graph_values(const GraphProto& g, bool main, Lexical& scope) {
  for (const ValueInfoProto& v : g.inputs) {
    FERRY_RETURN_IF_ERROR(stated(v, "input", main));
    if (v.name.empty()) return invalid_model("an input has no name");
    if (scope.sees(v.name)) {
      return invalid_model("input '{}' has the name of another value", v.name);
    }
    scope.names.insert(v.name);
  }
  for (const ValueInfoProto& v : g.outputs) {
    FERRY_RETURN_IF_ERROR(stated(v, "output", main));
    if (v.name.empty()) return invalid_model("an output has no name");
  }
  for (const ValueInfoProto& v : g.value_info) {
    FERRY_RETURN_IF_ERROR(stated(v, "value", false));
  }
  Names initializers;
  for (const auto* list : {&g.initializers, &g.sparse_initializers}) {
    for (const InitializerProto& t : *list) {
      if (t.name.empty()) return invalid_model("an initializer has no name");
      if (!initializers.insert(t.name).second) {
        return invalid_model("initializer '{}' is given twice", t.name);
      }
      if (model_.ir_version < 4 && !scope.names.contains(t.name)) {
        return invalid_model("initializer '{}' is no input; before IR version 4 each must be",
                             t.name);
      }
      scope.names.insert(t.name);
    }
  }
  return {};
}

// What the file says of a value; that of the model's own inputs and outputs must be complete.
Status Checker::stated(const ValueInfoProto& v, std::string_view what, bool interface) {
  std::optional<int64_t> negative;
  int64_t elements = 1;
  bool fits = true;
  const DimReader read = [&](size_t axis, std::optional<int64_t> value, std::string_view) {
    if (axis == 0) elements = 1;
    if (value && *value < 0) negative = value;
    if (value && *value > 0) fits = fits && !__builtin_mul_overflow(elements, *value, &elements);
    return Dim();
  };
  const std::string where = fmt::format("{} '{}'", what, v.name);
  auto type = wire_.type(v.type, read);
  if (!type.ok()) return std::move(type).status().with_context(where);
  if (negative) {
    return invalid_model("{} has a dimension of {}; one of unknown size has a name or no value",
                         where, *negative);
  }
  if (!fits) return invalid_model("{} has more elements than 64 bits count", where);
  const Type* t = &*type;
  for (; t->element; t = t->element.get()) {
    const bool key = t->kind != Type::Kind::kMap || t->dtype == DType::kString ||
                     types::kIntegers.contains(t->dtype);
    if (!key) {
      return invalid_model("{} is a map of {}, wanted are keys that are integers or strings", where,
                           dtype_name(t->dtype));
    }
  }
  // A body need not state types; a type that is there says something.
  if (t->kind == Type::Kind::kUnknown && (interface || v.type.data() != nullptr)) {
    return invalid_model("{} has no type", where);
  }
  if (t->is_tensor() && t->dtype == DType::kUndefined) {
    return invalid_model("{} has no element type", where);
  }
  if (!interface) return {};
  if (type->is_tensor() && !type->has_rank()) {
    return invalid_model("{} states no shape; a dimension of unknown size is one without a value",
                         where);
  }
  return {};
}

Status Checker::nodes(const std::vector<NodeProto>& list, const Imports& imports, Lexical& scope,
                      bool in_function) {
  Names all;
  for (const NodeProto& n : list) all.insert(n.outputs.begin(), n.outputs.end());
  for (const NodeProto& n : list) {
    for (std::string_view input : n.inputs) {
      if (input.empty() || scope.sees(input)) continue;
      if (all.contains(input)) {
        FERRY_RETURN_IF_ERROR(source_order(list).status());
        return invalid_model("{} uses '{}' before it is made: the nodes are out of order",
                             describe(n), input);
      }
      return invalid_model("{}: input '{}' is defined nowhere", describe(n), input);
    }
    FERRY_RETURN_IF_ERROR(node(n, imports, scope, in_function).with_context(describe(n)));
    for (std::string_view output : n.outputs) {
      if (output.empty()) continue;
      if (scope.sees(output)) {
        return invalid_model("{}: output '{}' has the name of another value", describe(n), output);
      }
      scope.names.insert(output);
    }
  }
  return {};
}

Status Checker::node(const NodeProto& n, const Imports& imports, const Lexical& scope,
                     bool in_function) {
  if (n.op_type.empty()) return invalid_model("it has no operator");
  if (n.inputs.empty() && n.outputs.empty()) return invalid_model("it has no inputs and outputs");
  const auto imported = imports.find(canonical_domain(n.domain));
  if (imported == imports.end()) {
    return invalid_model("the {} does not import an opset of domain '{}'",
                         in_function ? "function" : "model", n.domain);
  }
  Names attributes;
  for (const AttributeProto& a : n.attributes) {
    if (!attributes.insert(a.name).second) {
      return invalid_model("attribute '{}' is given twice", a.name);
    }
    FERRY_RETURN_IF_ERROR(attribute(a, imports, scope, in_function)
                              .with_context(fmt::format("attribute '{}'", a.name)));
  }
  const std::string name = full_name(n.domain, n.op_type);
  if (schema_history(name).empty()) return standard_name(n, name);
  const Schema* schema = find_schema(name, imported->second);
  if (schema == nullptr) {
    return invalid_model("opset {} does not have it; it came with {}", imported->second,
                         schema_history(name).front().since);
  }
  if (schema->deprecated) {
    return invalid_model("opset {} does not have it any more", imported->second);
  }
  FERRY_RETURN_IF_ERROR(signature(n, *schema));
  return attribute_values(n, *schema);
}

// Operators of old files are in no schema.
Status Checker::standard_name(const NodeProto& n, const std::string& name) const {
  const std::string_view domain = canonical_domain(n.domain);
  const bool standard = domain.empty() || domain == "ai.onnx.ml";
  if (!standard || !upgrades_of(name).empty()) return {};
  return invalid_model("the standard has no operator {}; one of your own needs a domain of its own",
                       name);
}

// Values that Ferry understands and the standard's own inference does not.
Status Checker::attribute_values(const NodeProto& n, const Schema& schema) {
  for (const AttributeProto& a : n.attributes) {
    const bool flag = a.name == "keepdims" || a.name == "keep_dims";
    const bool axis = a.name == "axis" && n.op_type == "Flatten" && schema.since < 11;
    const bool perm = a.name == "perm" && n.op_type == "Transpose";
    if ((!flag && !axis && !perm) || !a.ref_attr_name.empty()) continue;
    FERRY_ASSIGN_OR_RETURN(const AttributeValues v, wire_.values(a));
    const int64_t i = v.i.value_or(0);
    if (flag && i != 0 && i != 1) return invalid_model("{} is {}, wanted is 0 or 1", a.name, i);
    if (axis && i < 0) return invalid_model("axis is {}; negative ones came with opset 11", i);
    if (perm && std::any_of(v.ints.begin(), v.ints.end(), [](int64_t x) { return x < 0; })) {
      return invalid_model("perm counts from the back, wanted are axes from 0 on");
    }
  }
  const bool uncounted = n.op_type == "Split" && schema.since >= 18 &&
                         (n.inputs.size() < 2 || n.inputs[1].empty()) &&
                         std::none_of(n.attributes.begin(), n.attributes.end(),
                                      [](const auto& a) { return a.name == "num_outputs"; });
  if (uncounted) return invalid_model("neither sizes nor num_outputs are given");
  return {};
}

Status Checker::signature(const NodeProto& n, const Schema& schema) const {
  const auto count = [&](std::string_view what, size_t seen, uint32_t least,
                         uint32_t most) -> Status {
    if (seen >= least && seen <= most) return {};
    return invalid_model("has {} {}; version {} wants {}", seen, what, schema.since,
                         least == most        ? fmt::format("{}", least)
                         : most == UINT32_MAX ? fmt::format("{} or more", least)
                                              : fmt::format("{} to {}", least, most));
  };
  FERRY_RETURN_IF_ERROR(count("inputs", n.inputs.size(), schema.min_inputs, schema.max_inputs));
  FERRY_RETURN_IF_ERROR(count("outputs", n.outputs.size(), schema.min_outputs, schema.max_outputs));
  const auto present = [&](std::span<const SchemaParameter> parameters,
                           const std::vector<std::string_view>& names,
                           std::string_view what) -> Status {
    for (size_t i = 0; i < names.size(); ++i) {
      const SchemaParameter* p = Schema::at(parameters, i);
      if (p != nullptr && static_cast<SchemaOption>(p->option) == SchemaOption::kSingle &&
          names[i].empty()) {
        return invalid_model("{} {} is required and has no name", what, i);
      }
    }
    return {};
  };
  FERRY_RETURN_IF_ERROR(present(schema.inputs, n.inputs, "input"));
  FERRY_RETURN_IF_ERROR(present(schema.outputs, n.outputs, "output"));
  for (const AttributeProto& a : n.attributes) {
    const SchemaAttribute* known = schema.find_attribute(a.name);
    if (known == nullptr) {
      // Notes of exporters, and the place of a constant's node.
      if (a.name.starts_with("__")) continue;
      std::vector<std::string> names;
      for (const SchemaAttribute& one : schema.attributes) names.emplace_back(one.name);
      return invalid_model("attribute '{}' is not known in version {}{}", a.name, schema.since,
                           did_you_mean(a.name, names));
    }
    if (static_cast<int>(a.type) != known->kind) {
      return invalid_model("attribute '{}' is {}, wanted is {}", a.name,
                           attribute_kind_name(a.type),
                           attribute_kind_name(static_cast<AttributeType>(known->kind)));
    }
  }
  for (const SchemaAttribute& wanted : schema.attributes) {
    const bool given = std::any_of(n.attributes.begin(), n.attributes.end(),
                                   [&](const AttributeProto& a) { return a.name == wanted.name; });
    if (wanted.required && !given) return invalid_model("attribute '{}' is missing", wanted.name);
  }
  return {};
}

Status Checker::attribute(const AttributeProto& a, const Imports& imports, const Lexical& scope,
                          bool in_function) {
  if (a.name.empty()) return invalid_model("it has no name");
  if (model_.ir_version >= 2 && !a.type_stated) return invalid_model("its kind is not stated");
  constexpr uint32_t kLists = bit(AttributeType::kFloats) | bit(AttributeType::kInts) |
                              bit(AttributeType::kStrings) | bit(AttributeType::kTensors) |
                              bit(AttributeType::kGraphs) | bit(AttributeType::kSparseTensors) |
                              bit(AttributeType::kTypes);
  const uint32_t single = a.value_fields & ~kLists;
  if (!a.ref_attr_name.empty()) {
    if (!in_function) {
      return invalid_model("it refers to '{}' of a function, outside of any", a.ref_attr_name);
    }
    if (a.value_fields != 0) return invalid_model("it has a value and refers to another");
    return {};
  }
  const bool many = (a.value_fields & (a.value_fields - 1)) != 0;
  if (many) return invalid_model("it has values of several kinds");
  const bool list = (bit(a.type) & kLists) != 0;
  if (!list && single == 0) return invalid_model("it has no value");
  if (a.type_stated && a.value_fields != 0 && a.value_fields != bit(a.type)) {
    return invalid_model("it says {} and holds another kind", attribute_kind_name(a.type));
  }
  for (const auto& body : a.graphs) {
    FERRY_RETURN_IF_ERROR(graph(*body, imports, &scope, in_function));
  }
  if (!in_function) return {};
  FERRY_ASSIGN_OR_RETURN(const AttributeValues values, wire_.values(a));
  for (std::string_view t : values.tensors) FERRY_RETURN_IF_ERROR(tensors_.read(t).status());
  for (std::string_view t : values.sparse_tensors) {
    FERRY_RETURN_IF_ERROR(tensors_.read_sparse(t).status());
  }
  return {};
}

}  // namespace

Status check_conformity(Wire& wire, TensorReader& tensors, const ModelProto& model,
                        const Functions& functions) {
  return Checker(wire, tensors, model, functions).check();
}

}  // namespace ferry::onnx
