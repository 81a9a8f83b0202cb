// SPDX-License-Identifier: Apache-2.0
// What the standard says of every version of every operator: numbers of inputs and outputs, their
// element types, attributes. Ferry's own table (ops/registry.h) knows the newest meaning; this one
// knows the signatures of old files.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "onnx/wire.h"
#include "tensor/type.h"

namespace ferry::onnx {

// Allowed types: bits are element types.
struct SchemaTypes {
  uint32_t tensors = 0, sequences = 0, optionals = 0, optional_sequences = 0;
  bool maps = false;  // some maps: not looked at closer

  bool allows(const Type& type) const;  // what is not known is allowed
  std::string to_string() const;
};

enum class SchemaOption : uint8_t { kSingle, kOptional, kVariadic, kVariadicMixed };

struct SchemaParameter {
  uint8_t option = 0;  // SchemaOption
  uint16_t types = 0;
  uint8_t group = 0;  // parameters of one group have one type; 0: of none
};

struct SchemaAttribute {
  std::string_view name;
  int kind = 0;  // AttributeType
  bool required = false;
};

struct Schema {
  std::string_view domain, name;
  int since = 1;
  bool deprecated = false;
  // Models of the version before read the same under this signature. The meaning may have changed:
  // upgrade/ knows.
  bool continues = false;
  uint32_t min_inputs = 0, max_inputs = 0, min_outputs = 0, max_outputs = 0;
  std::span<const SchemaParameter> inputs, outputs;
  std::span<const SchemaAttribute> attributes;

  // The parameter of input or output `i`: a variadic one stands for all that follow.
  static const SchemaParameter* at(std::span<const SchemaParameter> parameters, size_t i);
  static const SchemaTypes& types(const SchemaParameter& parameter);
  const SchemaAttribute* find_attribute(std::string_view attribute) const;
};

// All versions of an operator, oldest first; empty for operators that are not of the standard.
std::span<const Schema> schema_history(std::string_view full_name);
// The version that opset `opset` of its domain holds, or nullptr.
const Schema* find_schema(std::string_view full_name, int64_t opset);

std::string_view attribute_kind_name(AttributeType kind);

}  // namespace ferry::onnx
