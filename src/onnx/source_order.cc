// SPDX-License-Identifier: Apache-2.0
#include "onnx/source_order.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "base/status.h"

namespace ferry::onnx {
namespace {

using Names = std::unordered_set<std::string_view>;
using Producers = std::unordered_map<std::string_view, uint32_t>;

// Calls `use` for every name that a graph takes from outside.
void visit_captures(const GraphProto& graph, const std::function<void(std::string_view)>& use);

void visit_uses(const NodeProto& node, const std::function<void(std::string_view)>& use) {
  for (std::string_view name : node.inputs) {
    if (!name.empty()) use(name);
  }
  for (const AttributeProto& a : node.attributes) {
    for (const auto& body : a.graphs) visit_captures(*body, use);
  }
}

void visit_captures(const GraphProto& graph, const std::function<void(std::string_view)>& use) {
  Names local;
  for (const InitializerProto& t : graph.initializers) local.insert(t.name);
  for (const InitializerProto& t : graph.sparse_initializers) local.insert(t.name);
  for (const ValueInfoProto& v : graph.inputs) local.insert(v.name);
  for (const NodeProto& n : graph.nodes) local.insert(n.outputs.begin(), n.outputs.end());
  const auto outside = [&](std::string_view name) {
    if (!local.contains(name)) use(name);
  };
  for (const NodeProto& n : graph.nodes) visit_uses(n, outside);
  for (const ValueInfoProto& v : graph.outputs) outside(v.name);
}

Result<Producers> find_producers(std::span<const NodeProto> nodes) {
  Producers producers;
  producers.reserve(nodes.size());
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    for (std::string_view name : nodes[i].outputs) {
      if (name.empty()) continue;
      const auto [it, fresh] = producers.emplace(name, i);
      if (!fresh) {
        return invalid_model("value '{}' is defined twice: by {} and by {}", name,
                             describe(nodes[it->second]), describe(nodes[i]));
      }
    }
  }
  return producers;
}

Status cycle_error(std::span<const NodeProto> nodes, const std::vector<uint32_t>& cycle) {
  const auto name = [&](uint32_t i) { return describe(nodes[i]); };
  return invalid_model("{} depends on its own output: the graph has a cycle, {}", name(cycle[0]),
                       describe_cycle(cycle, "<-", name));
}

}  // namespace

std::vector<uint32_t> sort_dependencies(const std::vector<std::vector<uint32_t>>& depends,
                                        std::vector<uint32_t>& cycle) {
  const auto count = static_cast<uint32_t>(depends.size());
  std::vector<uint32_t> missing(count, 0), order;
  std::vector<std::vector<uint32_t>> users(count);
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ready;
  for (uint32_t i = 0; i < count; ++i) {
    missing[i] = static_cast<uint32_t>(depends[i].size());
    for (uint32_t d : depends[i]) users[d].push_back(i);
    if (missing[i] == 0) ready.push(i);
  }
  while (!ready.empty()) {
    const uint32_t i = ready.top();
    ready.pop();
    order.push_back(i);
    for (uint32_t u : users[i]) {
      if (--missing[u] == 0) ready.push(u);
    }
  }
  if (order.size() == count) return order;
  // Every unsorted one needs an unsorted one: following these, one comes again.
  uint32_t at = 0;
  while (missing[at] == 0) ++at;
  std::vector<uint32_t> path;
  for (std::vector<bool> seen(count, false); !seen[at];) {
    seen[at] = true;
    path.push_back(at);
    at = *std::find_if(depends[at].begin(), depends[at].end(),
                       [&](uint32_t d) { return missing[d] > 0; });
  }
  cycle.assign(std::find(path.begin(), path.end(), at), path.end());
  return order;
}

std::string describe_cycle(const std::vector<uint32_t>& cycle, std::string_view arrow,
                           const std::function<std::string(uint32_t)>& name) {
  static constexpr size_t kShown = 8;
  std::string text;
  for (size_t i = 0; i < cycle.size() && i < kShown; ++i)
    text += fmt::format("{} {} ", name(cycle[i]), arrow);
  if (cycle.size() > kShown) text += fmt::format("({} more) {} ", cycle.size() - kShown, arrow);
  return text + name(cycle[0]);
}

std::string describe(const NodeProto& node, std::string_view prefix) {
  const std::string op = node.domain.empty() || node.domain == "ai.onnx"
                             ? std::string(node.op_type)
                             : fmt::format("{}.{}", node.domain, node.op_type);
  std::string_view name = node.name;
  for (size_t i = 0; name.empty() && i < node.outputs.size(); ++i) name = node.outputs[i];
  if (name.empty()) return fmt::format("node ({})", op);
  return fmt::format("node '{}{}' ({})", prefix, name, op);
}

Result<std::vector<uint32_t>> source_order(std::span<const NodeProto> nodes) {
  FERRY_ASSIGN_OR_RETURN(const Producers producers, find_producers(nodes));
  const auto count = static_cast<uint32_t>(nodes.size());
  std::vector<std::vector<uint32_t>> depends(count);
  bool sorted = true;
  for (uint32_t i = 0; i < count; ++i) {
    visit_uses(nodes[i], [&](std::string_view name) {
      const auto it = producers.find(name);
      if (it == producers.end()) return;
      sorted = sorted && it->second < i;
      depends[i].push_back(it->second);
    });
  }
  if (sorted) {
    std::vector<uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0u);
    return order;
  }
  std::vector<uint32_t> cycle;
  std::vector<uint32_t> order = sort_dependencies(depends, cycle);
  if (!cycle.empty()) return cycle_error(nodes, cycle);
  return order;
}

}  // namespace ferry::onnx
