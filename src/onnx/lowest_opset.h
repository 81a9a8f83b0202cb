// SPDX-License-Identifier: Apache-2.0
// Which opset a graph needs, and what its nodes look like there.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"

namespace ferry::onnx {

// How a node is written: what old versions kept as attributes moves back from constant inputs.
struct NodeForm {
  std::vector<ValueId> inputs;  // captures not counted
  std::vector<std::pair<std::string, AttrValue>> added;
  std::vector<std::string> dropped;  // attributes that the version says by not having them
};

// Domains and versions that a graph needs: at least 20 of ai.onnx, which every reader knows, unless
// `wanted` asks for another (0: does not ask).
// Errors: kInvalidArgument naming a node that means something else, or is not there, at `wanted`.
Result<std::map<std::string, int64_t>> opsets_for(const Graph& graph, int64_t wanted = 0);
// The node at version `opset` of its domain, which opsets_for has found to do.
NodeForm form_at(const Graph& graph, const Node& node, int64_t opset);

// The IR version that introduced an opset.
int64_t ir_version_for(int64_t opset);

}  // namespace ferry::onnx
