// SPDX-License-Identifier: Apache-2.0
#include "onnx/constant_node.h"

#include <algorithm>

#include "base/status.h"

namespace ferry::onnx {
namespace {

template <class T>
Result<Tensor> filled(const Dims& dims, std::span<const T> values) {
  FERRY_ASSIGN_OR_RETURN(Tensor t, Tensor::allocate(dtype_of<T>(), dims));
  std::copy(values.begin(), values.end(), t.data<T>());
  return t;
}
template <class T>
Result<Tensor> scalar(const T& value) {
  return filled<T>({}, std::span(&value, 1));
}
template <class T>
Result<Tensor> list(const std::vector<T>& values) {
  return filled<T>({static_cast<int64_t>(values.size())}, values);
}

}  // namespace

Result<Tensor> constant_tensor(const SourceNode& node) {
  const AttrValue* found = nullptr;
  std::string_view name;
  for (const auto& [key, value] : node.attrs) {
    if (key.starts_with('_')) continue;
    if (found != nullptr)
      return invalid_model("has attributes '{}' and '{}', wanted is one", name, key);
    found = &value;
    name = key;
  }
  if (found == nullptr) return invalid_model("has no value");
  const AttrValue& v = *found;
  const auto* floats = std::get_if<std::vector<float>>(&v);
  const auto* ints = std::get_if<std::vector<int64_t>>(&v);
  const auto* strings = std::get_if<std::vector<std::string>>(&v);
  if ((name == "value" || name == "sparse_value") && std::holds_alternative<Tensor>(v)) {
    return std::get<Tensor>(v);
  }
  if (name == "value_float" && std::holds_alternative<float>(v)) return scalar(std::get<float>(v));
  if (name == "value_int" && std::holds_alternative<int64_t>(v)) {
    return scalar(std::get<int64_t>(v));
  }
  if (name == "value_string" && std::holds_alternative<std::string>(v)) {
    return scalar(std::get<std::string>(v));
  }
  if (name == "value_floats" && floats) return list(*floats);
  if (name == "value_ints" && ints) return list(*ints);
  if (name == "value_strings" && strings) return list(*strings);
  return invalid_model("attribute '{}' is {}, which no constant can have", name, attr_kind_name(v));
}

}  // namespace ferry::onnx
