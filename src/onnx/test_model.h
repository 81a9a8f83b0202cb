// SPDX-License-Identifier: Apache-2.0
// Builds ONNX messages by hand, good and bad ones, for tests.
//
//   std::string bytes = model(graph({node("Relu", {"x"}, {"y"})}, {input("x", {2})},
//   {output("y")}));
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace ferry::onnx::proto {

using Names = std::vector<std::string>;
using Messages = std::vector<std::string>;

std::string int_attr(const std::string& name, int64_t value);
std::string float_attr(const std::string& name, float value);
std::string string_attr(const std::string& name, const std::string& value);
std::string ints_attr(const std::string& name, const std::vector<int64_t>& values);
std::string tensor_attr(const std::string& name, const std::string& tensor);
std::string graph_attr(const std::string& name, const std::string& graph);
std::string ref_attr(const std::string& name, const std::string& function_attr, int type);

struct NodeOptions {
  std::string name = {}, domain = {}, overload = {};
};
std::string node(const std::string& op, const Names& inputs, const Names& outputs,
                 const Messages& attributes = {}, const NodeOptions& options = {});

// Dims: a number as text, "" for an unknown size, anything else is a name. Type 1 is f32, 7 is i64.
std::string value(const std::string& name, const Names& dims, int type = 1);

// f32 as raw data.
std::string tensor(const std::string& name, const std::vector<int64_t>& dims,
                   const std::vector<float>& data);
std::string int64_tensor_proto(const std::string& name, const std::vector<int64_t>& dims,
                               const std::vector<int64_t>& data);
// Any type with raw data, or with external data when `external` has entries.
std::string raw_tensor(const std::string& name, const std::vector<int64_t>& dims, int type,
                       const std::string& raw);
std::string external_tensor(const std::string& name, const std::vector<int64_t>& dims, int type,
                            const std::vector<std::pair<std::string, std::string>>& entries);

struct GraphParts {
  Messages nodes = {}, inputs = {}, outputs = {}, initializers = {}, sparse_initializers = {},
           value_info = {};
};
std::string graph(const GraphParts& parts);

struct FunctionParts {
  std::string name = {}, domain = {};
  Names inputs = {}, outputs = {}, attributes = {};
  Messages defaults = {}, nodes = {};
  int64_t opset = 28;
  std::vector<std::pair<std::string, int64_t>> more_opsets = {};
};
std::string function(const FunctionParts& parts);

struct ModelOptions {
  int64_t ir_version = 10;
  std::vector<std::pair<std::string, int64_t>> opsets = {{"", 28}};
  Messages functions = {};
};
std::string model(const std::string& graph_message, const ModelOptions& options = {});

inline std::span<const std::byte> bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace ferry::onnx::proto
