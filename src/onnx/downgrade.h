// SPDX-License-Identifier: Apache-2.0
// The way back of upgrade/: what a node says, in the words of the version before.
#pragma once

#include <string>
#include <string_view>

#include "onnx/lowest_opset.h"

namespace ferry::onnx {

// Rewrites `form`, which holds at version `before`, into that of the version before it; returns ""
// or what cannot be said there.
using Downgrade = std::string (*)(const Graph& graph, const Node& node, NodeForm& form);

// nullptr: there is none.
Downgrade downgrade_of(std::string_view full_name, int before);

}  // namespace ferry::onnx
