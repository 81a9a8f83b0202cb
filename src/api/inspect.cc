// SPDX-License-Identifier: Apache-2.0
#include "ferry/inspect.h"

#include <algorithm>
#include <new>
#include <set>

#include "api/model_impl.h"
#include "api/symbols.h"
#include "base/mapped_file.h"
#include "base/status.h"
#include "onnx/value_proto.h"
#include "plan/flops.h"

namespace ferry {
namespace {

// Long lists are cut: what is shown is to be read.
constexpr size_t kMaxListed = 16;

template <class T>
std::string list_text(const std::vector<T>& items) {
  std::string text = "[";
  for (size_t i = 0; i < std::min(items.size(), kMaxListed); ++i) {
    if (i > 0) text += ", ";
    if constexpr (std::is_same_v<T, std::string>)
      text += "'" + items[i] + "'";
    else if constexpr (std::is_same_v<T, Tensor>)
      text += items[i].describe();
    else
      text += fmt::format("{}", items[i]);
  }
  return text + (items.size() > kMaxListed ? fmt::format(", ... {} in all]", items.size()) : "]");
}

struct AttrText {
  std::string operator()(int64_t v) const { return fmt::format("{}", v); }
  std::string operator()(float v) const { return fmt::format("{}", v); }
  std::string operator()(const std::string& v) const { return "'" + v + "'"; }
  std::string operator()(const Tensor& v) const { return v.describe(); }
  std::string operator()(const Type& v) const { return v.to_string(); }
  template <class T>
  std::string operator()(const std::vector<T>& v) const {
    return list_text(v);
  }
};

NodeInfo::Edge edge(const Graph& graph, ValueId id) {
  if (id == kNone) return {};
  const GraphValue& v = graph.value(id);
  return {v.name, v.type.to_string(), v.constant.has_value()};
}

template <class Visit>
void visit_nodes(const Graph& graph, size_t depth, const Visit& visit) {
  for (NodeId id : graph.order()) {
    visit(graph, graph.node(id), depth);
    for (const auto& body : graph.node(id).bodies) visit_nodes(*body, depth + 1, visit);
  }
}

NodeInfo describe_node(const Graph& graph, const Node& node, size_t depth) {
  NodeInfo info;
  info.name = node.name;
  info.op = node.op.def().full_name();
  info.depth = depth;
  for (ValueId v : node.inputs) info.inputs.push_back(edge(graph, v));
  for (ValueId v : node.outputs) info.outputs.push_back(edge(graph, v));
  for (const AttrBinding& attr : node.op.def().attrs) {
    if (const auto value = attr.get(node.op.attrs())) {
      info.attributes.emplace_back(attr.name, std::visit(AttrText{}, *value));
    }
  }
  if (node.origin) {
    if (node.origin->nodes != std::vector<std::string>{node.name}) info.source = node.origin->nodes;
    info.metadata = node.origin->metadata;
  }
  return info;
}

}  // namespace

std::vector<NodeInfo> list_nodes(const Model& model) {
  std::vector<NodeInfo> nodes;
  visit_nodes(*model.impl()->graph, 0, [&](const Graph& g, const Node& n, size_t depth) {
    nodes.push_back(describe_node(g, n, depth));
  });
  return nodes;
}

std::vector<ValueInfo> list_values(const Model& model) {
  const Graph& g = *model.impl()->graph;
  std::vector<ValueInfo> values;
  for (ValueId v = 0; v < g.num_values(); ++v) {
    const GraphValue& value = g.value(v);
    const bool made = value.producer != kNone || value.constant || g.is_input(v);
    if (made && !value.name.empty()) values.push_back(describe_value(g, v, value.name));
  }
  return values;
}

ModelSize measure_size(const Model& model) {
  ModelSize size;
  visit_nodes(*model.impl()->graph, 0, [&](const Graph&, const Node&, size_t) { ++size.nodes; });
  // A constant that several nodes or bodies read is one.
  std::set<const void*> seen;
  const auto add = [&](const Graph& g) {
    for (ValueId v = 0; v < g.num_values(); ++v) {
      const GraphValue& value = g.value(v);
      if (!value.constant || (value.users.empty() && !g.is_output(v))) continue;
      if (!seen.insert(value.constant->raw()).second) continue;
      size.parameters += static_cast<uint64_t>(value.constant->count());
      size.parameter_bytes += value.constant->size_bytes();
    }
  };
  add(*model.impl()->graph);
  visit_nodes(*model.impl()->graph, 0, [&](const Graph&, const Node& n, size_t) {
    for (const auto& body : n.bodies) add(*body);
  });
  return size;
}

Result<FlopCount> count_flops(const Model& model, const SymbolSizes& symbols) {
  FERRY_RETURN_IF_ERROR(check_symbols(model, symbols));
  FlopCount count;
  const SymbolLookup lookup = lookup_of(symbols);
  visit_nodes(*model.impl()->graph, 0, [&](const Graph& g, const Node& n, size_t depth) {
    const auto flops = node_flops(g, n, lookup);
    count.nodes.push_back(flops.value_or(0));
    if (!flops) ++count.unknown;
    // A body's nodes are counted in its node.
    if (depth > 0) return;
    count.total += flops.value_or(0);
    count.by_op[n.op.def().full_name()] += flops.value_or(0);
  });
  return count;
}

std::vector<std::string> input_symbols(const Model& model) {
  std::vector<std::string> names;
  const Graph& graph = *model.impl()->graph;
  for (ValueId v : graph.inputs()) {
    const Type& type = graph.value(v).type;
    if (!type.has_rank()) continue;
    for (const Dim& d : *type.shape) {
      d.for_each_symbol([&](const std::string& name) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      });
    }
  }
  return names;
}

Status check_symbols(const Model& model, const SymbolSizes& symbols) {
  const std::vector<std::string> names = input_symbols(model);
  for (const auto& [name, size] : symbols) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return invalid_argument("the model's inputs have no dim '{}'; they have {}", name,
                              list_text(names));
    }
    if (size < 0) return invalid_argument("dim '{}' is {}, wanted 0 or more", name, size);
  }
  for (const std::string& name : names) {
    if (!symbols.contains(name)) return invalid_argument("dim '{}' has no size", name);
  }
  return {};
}

SymbolLookup lookup_of(const SymbolSizes& symbols) {
  return [&symbols](std::string_view name) -> const int64_t* {
    const auto it = symbols.find(std::string(name));
    return it == symbols.end() ? nullptr : &it->second;
  };
}

Result<Value> read_value(const Model& model, size_t input, const std::string& path) {
  try {
    const Graph& graph = *model.impl()->graph;
    if (input >= graph.inputs().size()) {
      return invalid_argument("the model has {} inputs, there is no input {}",
                              graph.inputs().size(), input);
    }
    FERRY_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
    auto value = onnx::read_value(file->bytes(), graph.value(graph.inputs()[input]).type);
    if (!value.ok()) return std::move(value).status().with_context(path);
    return value;
  } catch (const std::bad_alloc&) {
    return out_of_memory("{}: the machine's memory is used up", path);
  }
}

}  // namespace ferry
