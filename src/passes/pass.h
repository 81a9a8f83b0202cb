// SPDX-License-Identifier: Apache-2.0
// A pass changes a graph without changing what it computes (beyond rounding). Most passes are lists
// of rules: pure functions that look at one node and return a Patch, or nothing for "not me".
//
// The manager (run_passes) does dead-code removal, verification, timing, tracing and off-switches
// by name for all of them, and descends into bodies.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/eval.h"
#include "ir/graph.h"
#include "ir/patch.h"

namespace ferry {

struct PassOptions {
  bool exact = false;            // accuracy = exact: no rewrite that re-associates
  bool verify = false;           // verify(graph) after every pass
  std::vector<std::string> off;  // names of passes to leave out; also FERRY_PASSES_OFF=a,b
  MemoryBudget* budget = nullptr;
  uint64_t max_fold_bytes_per_value = 64ull << 20;
  uint64_t max_fold_bytes =
      64ull << 20;               // in total; the importer's caller raises it to 2x the file
  std::function<Status()> poll;  // cancellation; may be empty
  // Computes a node of constants, as interpret_node does, or fails with kDeadlineExceeded after
  // `until`; empty: the reference kernels.
  std::function<Status(const Node&, std::span<const Value>, std::vector<Value>&,
                       const InterpretOptions&, std::chrono::steady_clock::time_point until)>
      evaluate;
};

// nullopt: the rule does not apply to this node.
using Rule = std::optional<Patch> (*)(const Graph&, const Node&, const PassOptions&);

struct NamedRule {
  std::string_view name;
  Rule rule;
};

struct Pass {
  std::string_view name;
  // One of the two. `run` returns the number of changes.
  std::vector<NamedRule> rules;
  std::function<Result<size_t>(Graph&, const PassOptions&)> run;
};

// What a pass did, for `ferry optimize` and SessionReport.
struct PassReport {
  std::string name;
  size_t changes = 0;
  double milliseconds = 0;
  size_t nodes_after = 0;
};

// Switched off by name, in the options or in the environment.
bool is_off(const PassOptions& options, std::string_view name);

// Runs `passes` in order. Errors name the pass and the rule.
Result<std::vector<PassReport>> run_passes(Graph& graph, const std::vector<Pass>& passes,
                                           const PassOptions& options = {});

}  // namespace ferry
