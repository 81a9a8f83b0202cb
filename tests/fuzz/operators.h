// SPDX-License-Identifier: Apache-2.0
// A graph of one node, operator, attributes and inputs chosen by the fuzzer.
#pragma once

#include <memory>
#include <vector>

#include "fuzz.h"
#include "ops/registry.h"

namespace ferry::fuzz {

struct OneNode {
  std::unique_ptr<Graph> graph;
  NodeId node = kNone;
  std::vector<Value> inputs;  // of the graph
};

// False when the bytes do not make one.
bool make_node(FuzzedDataProvider& in, MemoryBudget& budget, OneNode& one);

// Aborts when a result has another element type, rank or constant dim than inference said.
void check_types(const OneNode& one, const std::vector<Value>& outputs);

}  // namespace ferry::fuzz
