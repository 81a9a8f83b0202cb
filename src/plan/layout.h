// SPDX-License-Identifier: Apache-2.0
// Chooses channels-last inside and planar at the edges: image operators are rewritten to their
// channels-last form between two transposes, and transposes are then sunk and cancelled.
#pragma once

#include "ir/graph.h"

namespace ferry {

// Errors: kInternal when a rewrite does not type-check.
Status assign_layouts(Graph& graph);

}  // namespace ferry
