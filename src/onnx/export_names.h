// SPDX-License-Identifier: Apache-2.0
// What values and nodes are called in a file.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace ferry::onnx {

// Names of one namespace; a taken one gets a number.
class UsedNames {
 public:
  std::string unique(const std::string& wanted);

 private:
  std::unordered_map<std::string, int> used_;  // and the last number given
};

// By id; nameless nodes stay so.
struct GraphNames {
  std::vector<std::string> values, nodes;
};
// What a body's surroundings call its captures.
using GivenNames = std::unordered_map<ValueId, std::string>;

// Makes each output, in bodies too, a value of its own that has the output's name: one that is an
// input, a capture or an earlier output becomes its Identity.
void separate_outputs(Graph& graph);

// Names for a graph with separate outputs. `used` are those of values in the whole model, because
// bodies see the names around them; nodes need differ within a graph only.
GraphNames name_graph(const Graph& graph, const GivenNames& captures, UsedNames& used);

}  // namespace ferry::onnx
