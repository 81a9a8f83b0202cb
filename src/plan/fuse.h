// SPDX-License-Identifier: Apache-2.0
// Forms the groups that run as one step: an anchor (convolution, matrix product) and the chain of
// elementwise nodes that its kernel finishes in registers.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "ops/fusion/group.h"

namespace ferry {

// Replaces each anchor with a fusable tail by a ferry.Group node. Returns how many.
// `exact`: accuracy = exact.
size_t form_groups(Graph& graph, bool exact);

// Replaces `nodes`, in graph order, whose values are not used outside but for the last one's
// output, by one ferry.Group. False, and nothing changed, when that does not type-check.
bool make_group(Graph& graph, const std::vector<NodeId>& nodes, Group kind = {});

}  // namespace ferry
