// SPDX-License-Identifier: Apache-2.0
#include "onnx/source_node.h"

#include <algorithm>

#include "base/status.h"
#include "onnx/opsets.h"

namespace ferry::onnx {

std::string SourceNode::describe() const {
  return fmt::format("node '{}' ({})", name, full_name(domain, op_type));
}

const AttrValue* SourceNode::find(std::string_view attr) const {
  for (const auto& [key, value] : attrs) {
    if (key == attr) return &value;
  }
  return nullptr;
}

void SourceNode::set(std::string_view attr, AttrValue value) {
  remove(attr);
  attrs.emplace_back(std::string(attr), std::move(value));
}

bool SourceNode::remove(std::string_view attr) {
  return std::erase_if(attrs, [&](const auto& a) { return a.first == attr; }) > 0;
}

void SourceNode::rename(std::string_view from, std::string to) {
  for (auto& [key, value] : attrs) {
    if (key == from) key = to;
  }
}

}  // namespace ferry::onnx
