// SPDX-License-Identifier: Apache-2.0
#include "tensor/type.h"

namespace ferry {

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? "," : "") + shape[i].to_string();
  return text + "]";
}

Shape shape_of(const Dims& dims) { return Shape(dims.begin(), dims.end()); }

std::optional<Dims> constant_dims(const Shape& shape) {
  if (shape.size() > Dims::kMaxRank) return std::nullopt;
  Dims dims;
  for (const Dim& d : shape) {
    if (!d.is_constant()) return std::nullopt;
    dims.push_back(d.constant());
  }
  return dims;
}

std::string Type::to_string() const {
  switch (kind) {
    case Kind::kUnknown:
      return "unknown";
    case Kind::kTensor:
      return std::string(dtype_name(dtype)) + (shape ? ferry::to_string(*shape) : "[...]");
    case Kind::kSequence:
      return "seq(" + element->to_string() + ")";
    case Kind::kOptional:
      return "optional(" + element->to_string() + ")";
    case Kind::kMap:
      return "map(" + std::string(dtype_name(dtype)) + "," + element->to_string() + ")";
  }
  return "unknown";
}

bool operator==(const Type& a, const Type& b) {
  if (a.kind != b.kind || a.dtype != b.dtype || a.shape != b.shape) return false;
  if (!a.element || !b.element) return a.element == b.element;
  return *a.element == *b.element;
}

}  // namespace ferry
