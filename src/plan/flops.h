// SPDX-License-Identifier: Apache-2.0
// The arithmetic that a node takes at given sizes (include/ferry/inspect.h says how it counts), and
// the bytes that a step moves.
#pragma once

#include <optional>

#include "plan/program.h"

namespace ferry {

// nullopt: a shape is not known. Bodies are counted in.
std::optional<double> node_flops(const Graph& graph, const Node& node, const SymbolLookup& symbols);

// What the step reads and writes at least, packed weights included; 0 for views. Tensors whose
// shapes are not known do not count.
double step_bytes(const Program& program, const Step& step, const SymbolLookup& symbols);

}  // namespace ferry
