// SPDX-License-Identifier: Apache-2.0
#include "passes/pass.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <sstream>

#include "base/mapped_file.h"
#include "base/status.h"
#include "ir/infer.h"
#include "ir/verify.h"

namespace ferry {
namespace {

// A rule set that still fires after this many sweeps does not terminate: a bug, not a slow model.
constexpr int kMaxSweeps = 64;

// Replaced in this sweep and not yet removed.
bool is_dead(const Graph& graph, const Node& node) {
  return std::all_of(node.outputs.begin(), node.outputs.end(), [&](ValueId v) {
    return v == kNone || (graph.value(v).users.empty() && !graph.is_output(v));
  });
}

// A constant that nothing reads any more must not keep its memory.
void drop_unused(Graph& graph, ValueId v) {
  GraphValue& value = graph.value(v);
  if (!value.constant || value.overridable || !value.users.empty()) return;
  if (graph.is_output(v) || graph.is_input(v)) return;
  if (value.constant->dtype() != DType::kString) {
    release_pages(value.constant->raw(), value.constant->size_bytes());
  }
  value.constant.reset();
}

void drop_unused_constants(Graph& graph) {
  for (ValueId v = 0; v < graph.num_values(); ++v) drop_unused(graph, v);
}

// Removes a node that is dead, and those that nothing but it needed.
void remove_dead(Graph& graph, NodeId root) {
  std::vector<NodeId> waiting = {root};
  while (!waiting.empty()) {
    const NodeId id = waiting.back();
    waiting.pop_back();
    if (!graph.node(id).alive || !is_dead(graph, graph.node(id))) continue;
    const std::vector<ValueId> inputs = graph.node(id).inputs;
    graph.remove_node(id);
    for (ValueId v : inputs) {
      if (v == kNone) continue;
      drop_unused(graph, v);
      if (graph.value(v).producer != kNone) waiting.push_back(graph.value(v).producer);
    }
  }
}

Result<size_t> sweep(Graph& graph, const Pass& pass, const PassOptions& options) {
  size_t changes = 0;
  for (NodeId id = graph.first(); id != kNone;) {
    const NodeId next = graph.next(id);
    if (is_dead(graph, graph.node(id))) {
      id = next;
      continue;
    }
    for (const NamedRule& r : pass.rules) {
      std::optional<Patch> patch = r.rule(graph, graph.node(id), options);
      if (!patch) continue;
      FERRY_RETURN_IF_ERROR(
          apply(graph, id, *std::move(patch)).with_context(fmt::format("rule {}", r.name)));
      remove_dead(graph, id);
      ++changes;
      break;
    }
    id = next;
  }
  if (changes > 0) remove_dead_nodes(graph);
  return changes;
}

Result<size_t> run_rules(Graph& graph, const Pass& pass, const PassOptions& options) {
  size_t total = 0;
  for (int i = 0; i < kMaxSweeps; ++i) {
    if (options.poll) FERRY_RETURN_IF_ERROR(options.poll());
    FERRY_ASSIGN_OR_RETURN(const size_t changes, sweep(graph, pass, options));
    total += changes;
    if (changes == 0) break;
  }
  return total;
}

Result<size_t> run_one(Graph& graph, const Pass& pass, const PassOptions& options) {
  size_t changes = 0;
  for (NodeId id : graph.order()) {
    for (const auto& body : graph.node(id).bodies) {
      FERRY_ASSIGN_OR_RETURN(const size_t inner, run_one(*body, pass, options));
      changes += inner;
    }
  }
  FERRY_ASSIGN_OR_RETURN(const size_t own,
                         pass.run ? pass.run(graph, options) : run_rules(graph, pass, options));
  if (own > 0) remove_dead_nodes(graph);
  drop_unused_constants(graph);
  return changes + own;
}

}  // namespace

bool is_off(const PassOptions& options, std::string_view name) {
  if (std::find(options.off.begin(), options.off.end(), name) != options.off.end()) return true;
  const char* env = std::getenv("FERRY_PASSES_OFF");
  if (env == nullptr) return false;
  std::stringstream words(env);
  for (std::string word; std::getline(words, word, ',');) {
    if (word == name) return true;
  }
  return false;
}

Result<std::vector<PassReport>> run_passes(Graph& graph, const std::vector<Pass>& passes,
                                           const PassOptions& options) {
  std::vector<PassReport> reports;
  for (const Pass& pass : passes) {
    if (is_off(options, pass.name)) continue;
    const auto start = std::chrono::steady_clock::now();
    Result<size_t> changes = run_one(graph, pass, options);
    if (!changes.ok()) {
      return std::move(changes).status().with_context(fmt::format("pass {}", pass.name));
    }
    // Replaced values have left their symbols behind, and what is constant now may tell more.
    if (*changes > 0) {
      FERRY_RETURN_IF_ERROR(infer_graph(graph).with_context(fmt::format("pass {}", pass.name)));
    }
    if (options.verify && *changes > 0) {
      FERRY_RETURN_IF_ERROR(verify(graph).with_context(fmt::format("after pass {}", pass.name)));
    }
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    reports.push_back({std::string(pass.name), *changes, took.count(), graph.count_nodes()});
  }
  return reports;
}

}  // namespace ferry
