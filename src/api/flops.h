// SPDX-License-Identifier: Apache-2.0
// The arithmetic that a node takes at given sizes (include/ferry/inspect.h says how it counts).
#pragma once

#include <optional>

#include "ir/graph.h"

namespace ferry {

// nullopt: a shape is not known. Bodies are counted in.
std::optional<double> node_flops(const Graph& graph, const Node& node, const SymbolLookup& symbols);

}  // namespace ferry
