// SPDX-License-Identifier: Apache-2.0
// What a loaded model consists of: its nodes, its size, the arithmetic it takes.
//
//   for (const ferry::NodeInfo& node : ferry::list_nodes(*model)) std::cout << node.op << "\n";
//   double flops = ferry::count_flops(*model, {{"N", 1}})->total;
//
// Operators appear as Ferry runs them: functions inlined, every operator at its newest version.
// Threads: pure functions of their arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ferry/model.h"
#include "ferry/status.h"
#include "ferry/tensor.h"

namespace ferry {

// The sizes that named dims stand for: {"N", 1}, {"H", 224}.
using SymbolSizes = std::map<std::string, int64_t>;

struct NodeInfo {
  struct Edge {
    std::string name;  // "" for an input or output that is absent
    std::string type;  // "f32[N,64,H,W]"
    bool constant = false;
  };
  std::string name;
  std::string op;    // "Conv", "com.microsoft.Gelu"
  size_t depth = 0;  // 0: the main graph; 1: inside a body of the node before it; ...
  std::vector<Edge> inputs, outputs;
  std::vector<std::pair<std::string, std::string>> attributes;  // as text, defaults included
  std::vector<std::string> source;                            // names in the file, when they differ
  std::vector<std::pair<std::string, std::string>> metadata;  // what the exporter noted
};

// All nodes in the order of execution; a node's bodies follow it.
FERRY_API std::vector<NodeInfo> list_nodes(const Model& model);

// Every value of the main graph that has a name in the file: inputs, initializers, results of nodes,
// with the types that inference finds. Symbols that start with '%' stand for sizes that depend on
// data.
FERRY_API std::vector<ValueInfo> list_values(const Model& model);

// An operator that Ferry knows under its own name.
struct OperatorInfo {
  std::string name;           // "Conv", "ai.onnx.ml.Scaler"
  int since = 1;              // version of the standard whose meaning it has
  std::vector<int> versions;  // all that the importer reads; empty outside of the standard
  std::vector<std::string> types;       // element types that input 0 may have
  std::vector<std::string> attributes;  // names
  std::vector<std::string> kernels;     // fast ones of this build; all have the reference kernel
  bool rewritten = false;  // read, and replaced by other operators on import
};
// All of them by name: Ferry's own operators, and those that the importer rewrites.
FERRY_API std::vector<OperatorInfo> list_operators();

struct ModelSize {
  size_t nodes = 0;         // bodies counted
  uint64_t parameters = 0;  // elements of the constants that nodes read
  uint64_t parameter_bytes = 0;
};
FERRY_API ModelSize measure_size(const Model& model);

// Floating-point operations of one run. A multiplication and its addition count as two; other
// arithmetic as one per element of its largest tensor; moving data as none. Bodies count once.
struct FlopCount {
  double total = 0;
  std::vector<double> nodes;  // in the order of list_nodes; 0 when not known
  size_t unknown = 0;         // nodes whose shapes depend on data
  std::map<std::string, double> by_op;
};

// Errors: kInvalidArgument  a symbol that the model's inputs lack, or one of them without a size
//         kShapeMismatch    sizes that the model cannot take
FERRY_API Result<FlopCount> count_flops(const Model& model, const SymbolSizes& symbols);

// The symbols of the model's inputs, in order of appearance.
FERRY_API std::vector<std::string> input_symbols(const Model& model);

// The value in a .pb file (TensorProto, SequenceProto, OptionalProto, MapProto) for the input at
// position `input`, which says what the file holds.
//
// Errors: kIoError, kInvalidArgument (no such input), kInvalidModel, kUnsupportedType,
//         kLimitExceeded, kOutOfMemory
FERRY_API Result<Value> read_value(const Model& model, size_t input, const std::string& path);

}  // namespace ferry
