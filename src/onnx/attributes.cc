// SPDX-License-Identifier: Apache-2.0
#include "onnx/attributes.h"

#include <algorithm>

#include "base/status.h"
#include "onnx/opsets.h"
#include "onnx/schema.h"
#include "ops/registry.h"

namespace ferry::onnx {
namespace {

// What the file holds when it states `type` and has no value of it, but has another one.
bool holds_another(const AttributeValues& v, AttributeType type) {
  const bool any = v.f || v.i || v.s || !v.floats.empty() || !v.ints.empty() ||
                   !v.strings.empty() || !v.tensors.empty() || !v.sparse_tensors.empty() ||
                   !v.types.empty();
  switch (type) {
    case AttributeType::kFloat:
      return !v.f && any;
    case AttributeType::kInt:
      return !v.i && any;
    case AttributeType::kString:
      return !v.s && any;
    case AttributeType::kFloats:
      return v.floats.empty() && any;
    case AttributeType::kInts:
      return v.ints.empty() && any;
    case AttributeType::kStrings:
      return v.strings.empty() && any;
    case AttributeType::kTensor:
      return v.tensors.size() != 1;
    case AttributeType::kSparseTensor:
      return v.sparse_tensors.size() != 1;
    case AttributeType::kType:
      return v.types.size() != 1;
    default:
      return false;
  }
}

Result<AttrValue> convert(Wire& wire, TensorReader& tensors, AttributeType type,
                          const AttributeValues& v) {
  switch (type) {
    // A serializer may leave out zeros and empty strings.
    case AttributeType::kFloat:
      return AttrValue(v.f.value_or(0.0f));
    case AttributeType::kInt:
      return AttrValue(v.i.value_or(0));
    case AttributeType::kString:
      return AttrValue(std::string(v.s.value_or("")));
    case AttributeType::kFloats:
      return AttrValue(v.floats);
    case AttributeType::kInts:
      return AttrValue(v.ints);
    case AttributeType::kStrings:
      return AttrValue(std::vector<std::string>(v.strings.begin(), v.strings.end()));
    case AttributeType::kTensor: {
      FERRY_ASSIGN_OR_RETURN(Tensor t, tensors.read(v.tensors[0]));
      return AttrValue(std::move(t));
    }
    case AttributeType::kSparseTensor: {
      FERRY_ASSIGN_OR_RETURN(Tensor t, tensors.read_sparse(v.sparse_tensors[0]));
      return AttrValue(std::move(t));
    }
    case AttributeType::kTensors: {
      std::vector<Tensor> list;
      for (std::string_view message : v.tensors) {
        FERRY_ASSIGN_OR_RETURN(Tensor t, tensors.read(message));
        list.push_back(std::move(t));
      }
      return AttrValue(std::move(list));
    }
    case AttributeType::kType: {
      const DimReader dims = [](size_t axis, std::optional<int64_t> value, std::string_view) {
        return value && *value >= 0 ? Dim(*value) : Dim::symbol(fmt::format("%type.{}", axis));
      };
      FERRY_ASSIGN_OR_RETURN(Type t, wire.type(v.types[0], dims));
      return AttrValue(std::move(t));
    }
    default:
      return unsupported_type("attributes of kind {} are not supported", attribute_kind_name(type));
  }
}

Status check_bodies(const SourceNode& node, const OpDef& def) {
  for (const std::string& wanted : def.bodies) {
    const bool found = std::any_of(node.bodies.begin(), node.bodies.end(),
                                   [&](const auto& b) { return b.first == wanted; });
    if (!found && !def.bodies_default_to_identity)
      return invalid_model("graph attribute '{}' is missing", wanted);
  }
  for (const auto& [name, graph] : node.bodies) {
    if (std::find(def.bodies.begin(), def.bodies.end(), name) == def.bodies.end()) {
      return invalid_model("graph attribute '{}' is not known", name);
    }
  }
  return {};
}

std::string known_names(const OpDef& def) {
  std::string names;
  for (const AttrBinding& b : def.attrs) names += (names.empty() ? "" : ", ") + b.name;
  return names.empty() ? "the operator has none" : "known are " + names;
}

}  // namespace

Result<AttrValue> read_attribute(Wire& wire, TensorReader& tensors, const AttributeProto& proto) {
  const std::string where = fmt::format("attribute '{}'", proto.name);
  auto values = wire.values(proto);
  if (!values.ok()) return std::move(values).status().with_context(where);
  if (proto.type == AttributeType::kUndefined) return invalid_model("{} has no value", where);
  if (holds_another(*values, proto.type)) {
    return invalid_model("{} says {} and holds no value of that kind", where,
                         attribute_kind_name(proto.type));
  }
  auto value = convert(wire, tensors, proto.type, *values);
  if (!value.ok()) return std::move(value).status().with_context(where);
  return value;
}

Result<Op> bind_op(const SourceNode& node) {
  const std::string name = full_name(node.domain, node.op_type);
  const OpDef* def = op_registry().find(name);
  if (def == nullptr) return unsupported_op("operator {} is not known", name);
  FERRY_RETURN_IF_ERROR(check_bodies(node, *def));
  std::shared_ptr<void> attrs = def->make();
  for (const auto& [key, value] : node.attrs) {
    const AttrBinding* binding = def->find_attr(key);
    if (binding == nullptr) {
      // Exporters leave notes of their own, such as _output_shapes.
      if (key.starts_with('_')) continue;
      return invalid_model("attribute '{}' is not known; {}", key, known_names(*def));
    }
    FERRY_RETURN_IF_ERROR(binding->set(attrs.get(), value));
  }
  for (const AttrBinding& binding : def->attrs) {
    if (binding.required && node.find(binding.name) == nullptr) {
      return invalid_model("attribute '{}' is missing", binding.name);
    }
  }
  return Op(def, std::move(attrs));
}

}  // namespace ferry::onnx
