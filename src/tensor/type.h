// SPDX-License-Identifier: Apache-2.0
// Type: what the graph knows about a value before it exists: element type and symbolic shape.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ferry/tensor.h"
#include "tensor/dim.h"

namespace ferry {

using Shape = std::vector<Dim>;

std::string to_string(const Shape& shape);
Shape shape_of(const Dims& dims);
// The dims, when all of them are constants.
std::optional<Dims> constant_dims(const Shape& shape);

struct Type {
  enum class Kind : uint8_t { kUnknown, kTensor, kSequence, kOptional, kMap };

  Kind kind = Kind::kUnknown;
  DType dtype = DType::kUndefined;      // kTensor: elements; kMap: keys. kUndefined: not known yet
  std::optional<Shape> shape;           // kTensor; nullopt: rank not known
  std::shared_ptr<const Type> element;  // kSequence, kOptional, kMap (the values)

  static Type tensor(DType dtype, std::optional<Shape> shape = std::nullopt) {
    return {Kind::kTensor, dtype, std::move(shape), nullptr};
  }
  static Type sequence_of(Type element) { return nested(Kind::kSequence, std::move(element)); }
  static Type optional_of(Type element) { return nested(Kind::kOptional, std::move(element)); }
  static Type map_of(DType key, Type value) {
    Type t = nested(Kind::kMap, std::move(value));
    t.dtype = key;
    return t;
  }

  bool is_tensor() const noexcept { return kind == Kind::kTensor; }
  bool has_rank() const noexcept { return is_tensor() && shape.has_value(); }
  size_t rank() const { return shape->size(); }
  std::string to_string() const;  // "f32[N,3,H,W]", "seq(i64[])", "f32[...]" for unknown rank
  friend bool operator==(const Type& a, const Type& b);

 private:
  static Type nested(Kind kind, Type element) {
    return {kind, DType::kUndefined, std::nullopt,
            std::make_shared<const Type>(std::move(element))};
  }
};

}  // namespace ferry
