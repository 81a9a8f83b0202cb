// SPDX-License-Identifier: Apache-2.0
// Prints a graph for people, close to ONNX's textual syntax:
//
//   main (float[N, 3] x) => (float[N, 3] y)
//   <float[3] w = {1, 2, 3}>
//   {
//     t: float[N, 3] = Add (x, w)
//     y: float[N, 3] = Softmax <axis = 1> (t)
//   }
#pragma once

#include <string>

#include "ir/graph.h"

namespace ferry {

struct PrintOptions {
  size_t max_elements = 8;  // of a tensor; more are elided
  bool types = true;        // of intermediate values
};

std::string to_text(const Graph& graph, const PrintOptions& options = {});
// One node without its bodies: "y = Softmax <axis = 1> (t)".
std::string to_text(const Graph& graph, const Node& node, const PrintOptions& options = {});
// "float[N, 3]", as ONNX spells types.
std::string onnx_text(const Type& type);

}  // namespace ferry
