// SPDX-License-Identifier: Apache-2.0
// The lowest opset versions in which the nodes of a graph mean what they say.
#pragma once

#include <map>
#include <string>

#include "ir/graph.h"

namespace ferry::onnx {

// Versions by domain, for all nodes including those of bodies; ai.onnx is always there.
std::map<std::string, int64_t> lowest_opsets(const Graph& graph);
// The first IR version that allows an opset of ai.onnx.
int64_t ir_version_for(int64_t opset);

}  // namespace ferry::onnx
