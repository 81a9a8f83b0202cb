// SPDX-License-Identifier: Apache-2.0
// verify(): everything a pass may assume about a graph, checked.
#pragma once

#include "ir/graph.h"

namespace ferry {

// Checks the graph and, recursively, its bodies:
//   - the order is a list of exactly the live nodes, producers before users
//   - every value has one definition: an input, a constant or one output of one node
//   - producer, output_index and users agree with the nodes
//   - whatever is used is defined, and its type is known; constants have the type they claim
//   - nodes have inputs, outputs and bodies as their operator wants, and bodies an input for every
//     capture
// Errors: kInternal naming the node or value; a broken graph is a bug of what built or changed it.
Status verify(const Graph& graph);

}  // namespace ferry
