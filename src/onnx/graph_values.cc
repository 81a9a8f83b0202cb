// SPDX-License-Identifier: Apache-2.0
// GraphBuilder: initializers, inputs and outputs of graphs and bodies.
#include "base/status.h"
#include "onnx/graph_builder.h"

namespace ferry::onnx {
namespace {

// Names of the dims of the model's inputs: those of the file, and made-up ones that differ.
class InputDims {
 public:
  void reserve(std::string_view param) { taken_.emplace(param); }

  Dim read(std::string_view input, size_t axis, std::optional<int64_t> value,
           std::string_view param) {
    if (!param.empty()) return Dim::symbol(symbol(param));
    // Exporters write -1 for "any size".
    if (value && *value >= 0) return Dim(*value);
    std::string name = fmt::format("{}_d{}", input, axis);
    while (taken_.contains(name)) name += '_';
    return Dim::symbol(symbol(name));
  }

 private:
  // '%' starts the symbols that inference makes.
  static std::string symbol(std::string_view name) {
    return name.starts_with('%') ? "_" + std::string(name) : std::string(name);
  }
  std::set<std::string, std::less<>> taken_;
};

// Element types are facts in a body's input; dims are not, they may change with every iteration.
void forget_shapes(Type& type) {
  type.shape.reset();
  if (!type.element) return;
  Type element = *type.element;
  forget_shapes(element);
  type.element = std::make_shared<const Type>(std::move(element));
}

// Of the elements of a sequence or map only numbers are common: one name or unknown size, however
// the file spells it, may differ from element to element.
void forget_symbols(Type& type, bool in_collection = false) {
  if (type.is_tensor()) {
    for (size_t a = 0; in_collection && type.shape && a < type.shape->size(); ++a) {
      if (!(*type.shape)[a].is_constant()) (*type.shape)[a] = Dim::invalid();
    }
    return;
  }
  if (!type.element) return;
  Type element = *type.element;
  forget_symbols(element, in_collection || type.kind != Type::Kind::kOptional);
  type.element = std::make_shared<const Type>(std::move(element));
}

bool fits(const Shape& declared, const Shape& seen) {
  if (declared.size() != seen.size()) return false;
  for (size_t i = 0; i < seen.size(); ++i) {
    if (declared[i].is_constant() && !(declared[i] == seen[i])) return false;
  }
  return true;
}

Status check_rank(const Type& type) {
  if (type.has_rank() && type.rank() > Dims::kMaxRank) {
    return limit_exceeded("rank {}; Ferry runs tensors of rank up to {}", type.rank(),
                          Dims::kMaxRank);
  }
  return {};
}

}  // namespace

Status GraphBuilder::add_initializers(Scope& scope, const GraphProto& proto) {
  const auto add = [&](const InitializerProto& init, Result<Tensor> tensor) -> Status {
    if (!tensor.ok()) return std::move(tensor).status();
    if (init.name.empty()) return invalid_model("an initializer has no name");
    const ValueId id = scope.graph->add_constant(*std::move(tensor), std::string(init.name));
    return define(scope, init.name, id);
  };
  for (const InitializerProto& init : proto.initializers) {
    FERRY_RETURN_IF_ERROR(add(init, tensors_.read(init.message)));
  }
  for (const InitializerProto& init : proto.sparse_initializers) {
    FERRY_RETURN_IF_ERROR(add(init, tensors_.read_sparse(init.message)));
  }
  return {};
}

Status GraphBuilder::add_model_inputs(Scope& scope, const GraphProto& proto) {
  InputDims dims;
  const DimReader collect = [&](size_t, std::optional<int64_t>, std::string_view param) {
    dims.reserve(param);
    return Dim();
  };
  for (const ValueInfoProto& v : proto.inputs) {
    FERRY_RETURN_IF_ERROR(
        wire_.type(v.type, collect).status().with_context(fmt::format("input '{}'", v.name)));
  }
  std::vector<ValueId> inputs;
  std::set<std::string_view> seen;
  for (const ValueInfoProto& v : proto.inputs) {
    const std::string where = fmt::format("input '{}'", v.name);
    if (!seen.insert(v.name).second) return invalid_model("{} is listed twice", where);
    const DimReader read = [&](size_t axis, std::optional<int64_t> value, std::string_view param) {
      return dims.read(v.name, axis, value, param);
    };
    FERRY_ASSIGN_OR_RETURN(Type type, wire_.type(v.type, read));
    forget_symbols(type);
    FERRY_RETURN_IF_ERROR(check_rank(type).with_context(where));
    if (const auto it = scope.names.find(v.name); it != scope.names.end()) {
      GraphValue& value = scope.graph->value(it->second);
      if (type.is_tensor() && type.dtype != value.type.dtype) {
        return invalid_model("{} is {}, its initializer {}", where, type.to_string(),
                             value.type.to_string());
      }
      if (strict_ && type.is_tensor() && type.has_rank() && !fits(*type.shape, *value.type.shape)) {
        return invalid_model("{} is {}, its initializer {}", where, type.to_string(),
                             value.type.to_string());
      }
      // Before IR version 4 every initializer was listed as an input and none could be replaced.
      if (model_.ir_version < 4) continue;
      value.overridable = true;
      if (type.is_tensor()) value.type = std::move(type);
      inputs.push_back(it->second);
      continue;
    }
    if (type.kind == Type::Kind::kUnknown ||
        (type.is_tensor() && type.dtype == DType::kUndefined)) {
      return invalid_model("{} has no type", where);
    }
    const ValueId id = scope.graph->add_value(std::string(v.name), std::move(type));
    FERRY_RETURN_IF_ERROR(define(scope, v.name, id));
    inputs.push_back(id);
  }
  scope.graph->set_inputs(std::move(inputs));
  return {};
}

Status GraphBuilder::add_body_inputs(Scope& scope, const GraphProto& proto) {
  const DimReader ignore = [](size_t, std::optional<int64_t>, std::string_view) { return Dim(); };
  for (const ValueInfoProto& v : proto.inputs) {
    if (scope.names.contains(v.name)) {
      return invalid_model("input '{}' of a body is an initializer or listed twice", v.name);
    }
    auto type = wire_.type(v.type, ignore);
    if (!type.ok()) return std::move(type).status().with_context(fmt::format("input '{}'", v.name));
    forget_shapes(*type);
    const ValueId id = scope.graph->add_input(std::string(v.name), *std::move(type));
    FERRY_RETURN_IF_ERROR(define(scope, v.name, id));
  }
  return {};
}

Status GraphBuilder::add_outputs(Scope& scope, const GraphProto& proto) {
  std::vector<ValueId> outputs;
  for (const ValueInfoProto& v : proto.outputs) {
    FERRY_ASSIGN_OR_RETURN(const ValueId id, use(scope, v.name, "output"));
    if (id == kNone) return invalid_model("output {} has no name", outputs.size());
    outputs.push_back(id);
  }
  scope.graph->set_outputs(std::move(outputs));
  return {};
}

// Dims that the file states for outputs are advice; kinds and element types are promises.
Status GraphBuilder::check_model_outputs(const Graph& graph, const GraphProto& proto) {
  for (size_t i = 0; i < proto.outputs.size(); ++i) {
    const std::string where = fmt::format("output '{}'", proto.outputs[i].name);
    const DimReader read = [&](size_t axis, std::optional<int64_t> value, std::string_view param) {
      if (value && *value >= 0) return Dim(*value);
      return Dim::symbol(param.empty() ? fmt::format("{}_d{}", proto.outputs[i].name, axis)
                                       : std::string(param));
    };
    auto declared = wire_.type(proto.outputs[i].type, read);
    if (!declared.ok()) return std::move(declared).status().with_context(where);
    declared_outputs_.push_back(*declared);
    const Type& computed = graph.value(graph.outputs()[i]).type;
    // What is there in fact, an optional that a loop filled, may be declared as what it holds.
    const bool filled = computed.kind == Type::Kind::kOptional && declared->kind != computed.kind;
    const Type& type = filled ? *computed.element : computed;
    if (declared->kind == Type::Kind::kUnknown || type.kind == Type::Kind::kUnknown) continue;
    const bool same_dtype = declared->dtype == type.dtype || declared->dtype == DType::kUndefined ||
                            type.dtype == DType::kUndefined;
    if (declared->kind != type.kind || !same_dtype) {
      return invalid_model("{} is declared as {}, the graph computes {}", where,
                           declared->to_string(), computed.to_string());
    }
  }
  return {};
}

}  // namespace ferry::onnx
