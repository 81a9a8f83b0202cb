// SPDX-License-Identifier: Apache-2.0
// Chains of nodes that only move elements: Transpose, Reshape, Flatten, Squeeze, Unsqueeze.
#pragma once

#include <vector>

#include "passes/match.h"

namespace ferry {

struct Moves {
  ValueId from = kNone;            // what the first one moves
  std::vector<const Node*> nodes;  // the last one first; may be empty
  bool transposed = false;
};

// Other dims for the same elements in the same order.
bool is_reshaping(const Node& n);
// The moves that end in `v`. Nobody else uses a value between, nor `from`.
Moves moves_to(const Graph& g, ValueId v);
// `v`, of the dims of m.from, moved in the same way.
ValueId move(PatchBuilder& p, const Moves& m, ValueId v);

}  // namespace ferry
