// SPDX-License-Identifier: Apache-2.0
#include "onnx/lowest_opset.h"

#include <algorithm>
#include <map>

#include "base/status.h"
#include "onnx/downgrade.h"
#include "onnx/opsets.h"
#include "onnx/schema.h"
#include "onnx/upgrade/upgrade.h"

namespace ferry::onnx {
namespace {

// Nothing gains from going lower unasked: every reader of today knows opset 20.
constexpr int kFloor = 20;

bool is_default(const Op& op, const AttrBinding& binding) {
  if (binding.required) return false;
  const auto value = binding.get(op.attrs());
  const auto standard = binding.get(op.def().make().get());
  return !value || (standard && equal(*value, *standard));
}

std::string wrong_type(const Graph& graph, std::span<const SchemaParameter> parameters,
                       std::span<const ValueId> values, std::string_view what) {
  std::map<uint8_t, DType> groups;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == kNone) continue;
    const SchemaParameter* p = Schema::at(parameters, i);
    if (p == nullptr) return fmt::format("{} {}", what, i);
    const Type& type = graph.value(values[i]).type;
    if (!Schema::types(*p).allows(type))
      return fmt::format("{} {} as {}", what, i, type.to_string());
    if (p->group == 0 || SchemaOption{p->option} == SchemaOption::kVariadicMixed) continue;
    if (!type.is_tensor() || type.dtype == DType::kUndefined) continue;
    if (const auto [it, fresh] = groups.emplace(p->group, type.dtype); it->second != type.dtype) {
      return fmt::format("{}s of {} and {}", what, dtype_name(it->second), dtype_name(type.dtype));
    }
  }
  return "";
}

// Before opset 8 their operands had one shape.
bool broadcasts_variadic(const Graph& graph, const NodeForm& form, const Schema& s) {
  if (s.since >= 8 || !(s.name == "Max" || s.name == "Min" || s.name == "Sum" || s.name == "Mean"))
    return false;
  const Type& first = graph.value(form.inputs[0]).type;
  return std::any_of(form.inputs.begin() + 1, form.inputs.end(), [&](ValueId v) {
    const Type& other = graph.value(v).type;
    return !first.has_rank() || !other.has_rank() || *first.shape != *other.shape;
  });
}

bool is_dropped(const NodeForm& form, std::string_view attribute) {
  return std::find(form.dropped.begin(), form.dropped.end(), attribute) != form.dropped.end();
}

bool is_axes(std::string_view attribute) { return attribute == "axis" || attribute == "axes"; }

// False when an axis is counted from the back and of how many is not known.
bool count_from_front(AttrValue& axes, const Type& type) {
  std::span<int64_t> values;
  if (auto* one = std::get_if<int64_t>(&axes)) values = {one, 1};
  if (auto* list = std::get_if<std::vector<int64_t>>(&axes)) values = *list;
  for (int64_t& axis : values) {
    if (axis < 0 && !type.has_rank()) return false;
    if (axis < 0) axis += static_cast<int64_t>(type.rank());
  }
  return true;
}

// Before opset 11 axes were counted from the front, defaults apart.
bool count_from_front(const Graph& graph, const Node& node, const Schema& s, NodeForm& form) {
  for (const AttrBinding& b : node.op.def().attrs) {
    if (!is_axes(b.name) || s.find_attribute(b.name) == nullptr) continue;
    if (is_dropped(form, b.name) || is_default(node.op, b)) continue;
    form.dropped.push_back(b.name);
    form.added.emplace_back(b.name, *b.get(node.op.attrs()));
  }
  const bool of_output = s.name == "Unsqueeze" || s.name == "OneHot";
  for (auto& [name, value] : form.added) {
    if (!is_axes(name)) continue;
    const ValueId counted = of_output ? node.outputs[0] : form.inputs[0];
    if (!count_from_front(value, graph.value(counted).type)) return false;
  }
  return true;
}

// Before opset 22 a window that starts in the padding behind the input counted in ceil mode.
bool has_ceil_mode(const Op& op) {
  const AttrBinding* b = op.def().find_attr("ceil_mode");
  return b != nullptr && !is_default(op, *b);
}

// Spells the form, which has the meaning of this version, as its signature has it. Returns "" or
// what the version lacks.
std::string spell(const Graph& graph, const Node& node, NodeForm& form, const Schema& s) {
  if (s.deprecated) return "the operator";
  if (form.inputs.size() < s.min_inputs) form.inputs.resize(s.min_inputs, kNone);
  if (form.inputs.size() > s.max_inputs) return fmt::format("input {}", s.max_inputs);
  for (size_t i = 0; i < s.min_inputs; ++i) {
    const bool single = SchemaOption{Schema::at(s.inputs, i)->option} == SchemaOption::kSingle;
    if (single && form.inputs[i] == kNone) return fmt::format("a default of input {}", i);
  }
  if (node.outputs.size() > s.max_outputs) return fmt::format("output {}", s.max_outputs);
  std::string why = wrong_type(graph, s.inputs, form.inputs, "input");
  if (why.empty()) why = wrong_type(graph, s.outputs, node.outputs, "output");
  if (!why.empty()) return why;
  for (const AttrBinding& b : node.op.def().attrs) {
    if (is_dropped(form, b.name) || s.find_attribute(b.name) != nullptr || is_default(node.op, b))
      continue;
    return fmt::format("attribute '{}'", b.name);
  }
  if (broadcasts_variadic(graph, form, s)) return "operands of several shapes";
  const bool from_front = s.since < 11 && s.domain.empty();
  if (from_front && !count_from_front(graph, node, s, form)) return "negative axes";
  return s.since < 22 && has_ceil_mode(node.op) ? "this meaning of ceil_mode" : "";
}

bool changed_meaning(std::string_view name, int version) {
  const auto rows = upgrades_of(name);
  return std::any_of(rows.begin(), rows.end(),
                     [&](const UpgradeRow& row) { return row.before == version; });
}

// The lowest version that says what the node says, at least `floor`.
struct Lowest {
  int version = 1;
  NodeForm form;
  std::string why;  // not lower
};

Lowest lowest(const Graph& graph, const Node& node, int64_t floor) {
  const OpDef& def = node.op.def();
  Lowest found;
  found.version = def.since_version;
  found.form.inputs.assign(node.inputs.begin(), node.inputs.begin() + static_cast<std::ptrdiff_t>(
                                                                          node.num_own_inputs()));
  NodeForm form = found.form;
  const std::string name = def.full_name();
  const auto history = schema_history(name);
  for (size_t i = history.size(); i-- > 0;) {
    found.why = spell(graph, node, form, history[i]);
    if (!found.why.empty()) break;
    found.version = history[i].since;
    found.form = form;
    if (found.version <= floor) break;
    if (i == 0) {
      found.why = "the operator";
      break;
    }
    if (history[i].continues && !changed_meaning(name, history[i].since)) continue;
    const Downgrade downgrade = downgrade_of(name, history[i].since);
    found.why = downgrade == nullptr ? "this meaning" : downgrade(graph, node, form);
    if (!found.why.empty()) break;
  }
  return found;
}

Status collect(const Graph& graph, int64_t wanted, std::map<std::string, int64_t>& opsets) {
  for (NodeId id = graph.first(); id != kNone; id = graph.next(id)) {
    const Node& node = graph.node(id);
    const std::string& domain = node.op.def().domain;
    const bool asked = wanted > 0 && domain.empty();
    const Lowest needed = lowest(graph, node, asked ? wanted : domain.empty() ? kFloor : 1);
    if (asked && needed.version > wanted) {
      return invalid_argument("{} needs opset {}: opset {} does not have {}", node.describe(),
                              needed.version, needed.version - 1, needed.why);
    }
    int64_t& version = opsets[domain];
    version = std::max<int64_t>(version, needed.version);
    for (const auto& body : node.bodies) FERRY_RETURN_IF_ERROR(collect(*body, wanted, opsets));
  }
  return {};
}

}  // namespace

Result<std::map<std::string, int64_t>> opsets_for(const Graph& graph, int64_t wanted) {
  if (wanted < 0 || wanted > kNewestOpset) {
    return invalid_argument("opset {}, wanted is 1 to {}", wanted, kNewestOpset);
  }
  std::map<std::string, int64_t> opsets = {{"", wanted > 0 ? wanted : kFloor}};
  FERRY_RETURN_IF_ERROR(collect(graph, wanted, opsets));
  return opsets;
}

NodeForm form_at(const Graph& graph, const Node& node, int64_t opset) {
  return lowest(graph, node, opset).form;
}

int64_t ir_version_for(int64_t opset) {
  static constexpr int64_t kSince[] = {9, 10, 11, 12, 15, 19, 21, 23, 24, 25, 28};
  return 3 + (std::upper_bound(std::begin(kSince), std::end(kSince), opset) - std::begin(kSince));
}

}  // namespace ferry::onnx
