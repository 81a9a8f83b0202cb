// SPDX-License-Identifier: Apache-2.0
// SourceNode: a node of the file on its way into the graph: names resolved to values, attributes
// decoded, still of the operator version that the model imports. What upgrade/ rewrites.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "onnx/wire.h"

namespace ferry::onnx {

struct SourceNode {
  std::string op_type;
  std::string domain;  // "" is ai.onnx
  std::string name;
  std::vector<ValueId> inputs;   // kNone: absent
  std::vector<ValueId> outputs;  // kNone: not wanted
  std::vector<std::pair<std::string, AttrValue>> attrs;
  std::vector<std::pair<std::string, std::shared_ptr<const GraphProto>>> bodies;
  std::shared_ptr<const Origin> origin;

  std::string describe() const;
  bool has_input(size_t i) const { return i < inputs.size() && inputs[i] != kNone; }
  bool has_output(size_t i) const { return i < outputs.size() && outputs[i] != kNone; }

  const AttrValue* find(std::string_view attr) const;
  // The value, or `otherwise` when it is absent or of another kind.
  template <class T>
  T get(std::string_view attr, T otherwise) const {
    const AttrValue* v = find(attr);
    const T* t = v == nullptr ? nullptr : std::get_if<T>(v);
    return t == nullptr ? otherwise : *t;
  }
  int64_t get_int(std::string_view attr, int64_t otherwise) const { return get(attr, otherwise); }
  void set(std::string_view attr, AttrValue value);
  // True when it was there.
  bool remove(std::string_view attr);
  void rename(std::string_view from, std::string to);
};

}  // namespace ferry::onnx
