// SPDX-License-Identifier: Apache-2.0
// Forms the groups that run as one step: an anchor (convolution, matrix product) and the chain of
// elementwise nodes that its kernel finishes in registers.
#pragma once

#include "ir/graph.h"

namespace ferry {

// Replaces each anchor with a fusable tail by a ferry.Group node. Returns how many.
// `exact`: accuracy = exact.
size_t form_groups(Graph& graph, bool exact);

}  // namespace ferry
