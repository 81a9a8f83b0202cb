// SPDX-License-Identifier: Apache-2.0
#include "onnx/schema.h"

#include <algorithm>
#include <vector>

#include "base/status.h"
#include "onnx/opsets.h"

namespace ferry::onnx {
namespace {

constexpr uint32_t kAny = 65535;

struct SchemaRow {
  std::string_view domain, name;
  int since;
  bool deprecated, continues;
  uint32_t min_inputs, max_inputs, min_outputs, max_outputs;
  uint16_t first_input, num_inputs, first_output, num_outputs, first_attribute, num_attributes;
};

#include "onnx/schema_table.inc"

struct History {
  std::string name;
  std::vector<Schema> versions;
};

Schema schema_of(const SchemaRow& row) {
  const auto unlimited = [](uint32_t n) { return n == kAny ? UINT32_MAX : n; };
  Schema s;
  s.domain = row.domain;
  s.name = row.name;
  s.since = row.since;
  s.deprecated = row.deprecated;
  s.continues = row.continues;
  s.min_inputs = row.min_inputs;
  s.max_inputs = unlimited(row.max_inputs);
  s.min_outputs = row.min_outputs;
  s.max_outputs = unlimited(row.max_outputs);
  s.inputs = std::span(kParameters).subspan(row.first_input, row.num_inputs);
  s.outputs = std::span(kParameters).subspan(row.first_output, row.num_outputs);
  s.attributes = std::span(kAttributes).subspan(row.first_attribute, row.num_attributes);
  return s;
}

const std::vector<History>& histories() {
  static const std::vector<History> all = [] {
    std::vector<History> list;
    for (const SchemaRow& row : kRows) {
      const std::string name = full_name(row.domain, row.name);
      if (list.empty() || list.back().name != name) list.push_back({name, {}});
      list.back().versions.push_back(schema_of(row));
    }
    std::sort(list.begin(), list.end(),
              [](const History& a, const History& b) { return a.name < b.name; });
    return list;
  }();
  return all;
}

bool has_bit(uint32_t bits, DType type) { return (bits >> static_cast<unsigned>(type)) & 1u; }

}  // namespace

bool SchemaTypes::allows(const Type& type) const {
  using Kind = Type::Kind;
  switch (type.kind) {
    case Kind::kUnknown:
      return true;
    case Kind::kTensor:
      return type.dtype == DType::kUndefined || has_bit(tensors, type.dtype);
    case Kind::kMap:
      return maps;
    case Kind::kSequence:
    case Kind::kOptional: {
      const bool sequence = type.kind == Kind::kSequence;
      const Type& e = *type.element;
      if (e.kind == Kind::kUnknown) return true;
      if (e.kind == Kind::kMap) return maps;
      if (e.kind == Kind::kSequence && !sequence) {
        return e.element->dtype == DType::kUndefined || has_bit(optional_sequences, e.element->dtype);
      }
      if (e.kind != Kind::kTensor) return false;
      return e.dtype == DType::kUndefined || has_bit(sequence ? sequences : optionals, e.dtype);
    }
  }
  return true;
}

std::string SchemaTypes::to_string() const {
  std::string text;
  const auto add = [&](uint32_t bits, std::string_view format) {
    for (int i = 1; i < kNumDTypes; ++i) {
      if (!has_bit(bits, static_cast<DType>(i))) continue;
      if (!text.empty()) text += ", ";
      text += fmt::format(fmt::runtime(format), dtype_name(static_cast<DType>(i)));
    }
  };
  add(tensors, "{}");
  add(sequences, "seq({})");
  add(optionals, "optional({})");
  add(optional_sequences, "optional(seq({}))");
  if (maps) text += text.empty() ? "maps" : ", maps";
  return text;
}

const SchemaParameter* Schema::at(std::span<const SchemaParameter> parameters, size_t i) {
  if (parameters.empty()) return nullptr;
  if (i < parameters.size()) return &parameters[i];
  const auto last = static_cast<SchemaOption>(parameters.back().option);
  return last >= SchemaOption::kVariadic ? &parameters.back() : nullptr;
}

const SchemaTypes& Schema::types(const SchemaParameter& parameter) {
  return kTypeSets[parameter.types];
}

const SchemaAttribute* Schema::find_attribute(std::string_view attribute) const {
  const auto it = std::find_if(attributes.begin(), attributes.end(),
                               [&](const SchemaAttribute& a) { return a.name == attribute; });
  return it == attributes.end() ? nullptr : &*it;
}

std::span<const Schema> schema_history(std::string_view name) {
  const auto& all = histories();
  const auto it = std::lower_bound(all.begin(), all.end(), name,
                                   [](const History& h, std::string_view n) { return h.name < n; });
  if (it == all.end() || it->name != name) return {};
  return it->versions;
}

const Schema* find_schema(std::string_view name, int64_t opset) {
  const Schema* found = nullptr;
  for (const Schema& s : schema_history(name)) {
    if (s.since <= opset) found = &s;
  }
  return found;
}

std::string_view attribute_kind_name(AttributeType kind) {
  static constexpr std::string_view kNames[] = {
      "UNDEFINED",      "FLOAT",      "INT",        "STRING",  "TENSOR", "GRAPH",
      "FLOATS",         "INTS",       "STRINGS",    "TENSORS", "GRAPHS", "SPARSE_TENSOR",
      "SPARSE_TENSORS", "TYPE_PROTO", "TYPE_PROTOS"};
  const auto i = static_cast<size_t>(kind);
  return i < std::size(kNames) ? kNames[i] : "of unknown kind";
}

}  // namespace ferry::onnx
