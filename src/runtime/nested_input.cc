// SPDX-License-Identifier: Apache-2.0
#include "runtime/nested_input.h"

#include "tensor/size.h"

namespace ferry {
namespace {

Status unlike(const Value& value, const Type& type) {
  return invalid_argument("{} given, the model wants {}", value.describe(), type.to_string());
}

Status check_tensor(const Value& value, const Type& type, const BindDim& bind) {
  if (!value.is_tensor() || !value.tensor().defined()) return unlike(value, type);
  const Tensor& t = value.tensor();
  FERRY_RETURN_IF_ERROR(checked_size_bytes(t.dtype(), t.dims()).status());
  if (type.dtype != DType::kUndefined && type.dtype != t.dtype()) return unlike(value, type);
  if (!type.has_rank()) return {};
  if (type.rank() != t.rank()) {
    return shape_mismatch("{} given, the model wants {}", t.describe(), type.to_string());
  }
  for (size_t a = 0; a < t.rank(); ++a) {
    FERRY_RETURN_IF_ERROR(bind((*type.shape)[a], t.dim(a))
                              .with_context(fmt::format("{} given, axis {}", t.describe(), a)));
  }
  return {};
}

Status check_elements(const std::vector<Value>& values, const Type& type, const BindDim& bind) {
  for (size_t i = 0; i < values.size(); ++i) {
    FERRY_RETURN_IF_ERROR(
        check_nested(values[i], type, bind).with_context(fmt::format("element {}", i)));
  }
  return {};
}

}  // namespace

Status check_nested(const Value& value, const Type& type, const BindDim& bind) {
  switch (type.kind) {
    case Type::Kind::kUnknown:
      return {};
    case Type::Kind::kTensor:
      return check_tensor(value, type, bind);
    case Type::Kind::kOptional:
      return value.is_none() ? Status() : check_nested(value, *type.element, bind);
    case Type::Kind::kSequence:
      if (!value.is_sequence()) return unlike(value, type);
      return check_elements(value.sequence(), *type.element, bind);
    case Type::Kind::kMap:
      break;
  }
  if (!value.is_map()) return unlike(value, type);
  const Map& map = value.map();
  const bool matched = map.keys.defined() && map.keys.dtype() == type.dtype &&
                       map.keys.count() == static_cast<int64_t>(map.values.size());
  if (!matched) {
    return invalid_argument("keys {} for {} values given, the model wants {}", map.keys.describe(),
                            map.values.size(), type.to_string());
  }
  return check_elements(map.values, *type.element, bind);
}

}  // namespace ferry
