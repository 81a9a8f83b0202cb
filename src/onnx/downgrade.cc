// SPDX-License-Identifier: Apache-2.0
#include "onnx/downgrade.h"

#include <cfloat>
#include <map>

#include "base/status.h"
#include "tensor/int_contents.h"

namespace ferry::onnx {
namespace {

bool has_input(const NodeForm& form, size_t i) {
  return i < form.inputs.size() && form.inputs[i] != kNone;
}

const Tensor* constant(const Graph& graph, const NodeForm& form, size_t i) {
  const GraphValue& v = graph.value(form.inputs[i]);
  return v.constant && !v.overridable ? &*v.constant : nullptr;
}

template <class T>
T attribute(const Node& node, std::string_view name, T otherwise) {
  const AttrBinding* binding = node.op.def().find_attr(name);
  const auto value = binding == nullptr ? std::nullopt : binding->get(node.op.attrs());
  const T* t = value ? std::get_if<T>(&*value) : nullptr;
  return t == nullptr ? otherwise : *t;
}

// Integers from input `i` to the attribute `name`; "" when there is no such input.
std::string move_ints(const Graph& graph, NodeForm& form, size_t i, std::string_view name) {
  if (!has_input(form, i)) return "";
  const Tensor* t = constant(graph, form, i);
  const auto ints = t == nullptr ? std::nullopt : int_contents(*t);
  if (!ints) return fmt::format("'{}' that is not constant", name);
  form.added.emplace_back(std::string(name), *ints);
  return "";
}

std::string axes(const Graph& graph, const Node& node, NodeForm& form) {
  if (attribute(node, "noop_with_empty_axes", int64_t{0}) != 0) {
    return "attribute 'noop_with_empty_axes'";
  }
  std::string why = move_ints(graph, form, 1, "axes");
  form.inputs.resize(1);
  return why;
}

std::string split(const Graph& graph, const Node&, NodeForm& form) {
  std::string why = move_ints(graph, form, 1, "split");
  form.inputs.resize(1);
  return why;
}

// Without sizes the number of outputs speaks for itself, when the parts are equal.
std::string split_count(const Graph& graph, const Node& node, NodeForm& form) {
  if (has_input(form, 1)) return "";
  const Type& x = graph.value(form.inputs[0]).type;
  if (!x.has_rank()) return "uneven parts";
  const auto axis = attribute(node, "axis", int64_t{0});
  const auto at = static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(x.rank()) : axis);
  const auto parts = static_cast<int64_t>(node.outputs.size());
  if (at >= x.rank() || !(*x.shape)[at].is_constant() ||
      (*x.shape)[at].constant() % parts != 0 ||
      attribute(node, "num_outputs", parts) != parts) {
    return "uneven parts";
  }
  form.dropped.push_back("num_outputs");
  return "";
}

std::string top_k(const Graph& graph, const Node&, NodeForm& form) {
  const Tensor* t = constant(graph, form, 1);
  const auto k = t == nullptr ? std::nullopt : int_contents(*t);
  if (!k || k->size() != 1) return "'k' that is not constant";
  form.added.emplace_back("k", (*k)[0]);
  form.inputs.resize(1);
  return "";
}

std::string slice(const Graph& graph, const Node&, NodeForm& form) {
  if (has_input(form, 4)) {
    const Tensor* t = constant(graph, form, 4);
    const auto steps = t == nullptr ? std::nullopt : int_contents(*t);
    if (!steps) return "steps";
    for (int64_t s : *steps) {
      if (s != 1) return "steps";
    }
  }
  std::string why = move_ints(graph, form, 1, "starts");
  if (why.empty()) why = move_ints(graph, form, 2, "ends");
  if (why.empty()) why = move_ints(graph, form, 3, "axes");
  form.inputs.resize(1);
  return why;
}

std::string move_float(const Graph& graph, NodeForm& form, size_t i, std::string_view name) {
  if (!has_input(form, i)) return "";
  const Tensor* t = constant(graph, form, i);
  if (t == nullptr || t->dtype() != DType::kFloat32 || t->count() != 1) {
    return fmt::format("'{}' that is no constant f32", name);
  }
  form.added.emplace_back(std::string(name), *t->data<float>());
  return "";
}

std::string pad(const Graph& graph, const Node&, NodeForm& form) {
  if (has_input(form, 3)) return "axes";
  std::string why = move_ints(graph, form, 1, "pads");
  if (why.empty()) why = move_float(graph, form, 2, "value");
  form.inputs.resize(1);
  return why;
}

// Without a bound Clip-6 cuts at the largest f32, which cuts infinity only.
std::string clip(const Graph& graph, const Node&, NodeForm& form) {
  if (!has_input(form, 1) || !has_input(form, 2)) return "a missing bound";
  std::string why = move_float(graph, form, 1, "min");
  if (why.empty()) why = move_float(graph, form, 2, "max");
  form.inputs.resize(1);
  return why;
}

// Softmax flattened its input at `axis`: the same for the last one.
std::string softmax(const Graph& graph, const Node& node, NodeForm& form) {
  const Type& x = graph.value(form.inputs[0]).type;
  const auto axis = attribute(node, "axis", int64_t{-1});
  if (!x.has_rank()) return "an axis of unknown rank";
  const auto last = static_cast<int64_t>(x.rank()) - 1;
  if (axis != -1 && axis != last) return "an axis that is not the last";
  form.added.emplace_back("axis", last);
  form.dropped.push_back("axis");
  return "";
}

std::string dft(const Graph& graph, const Node&, NodeForm& form) {
  if (!has_input(form, 2)) return "an axis that is the last but one";
  const Tensor* t = constant(graph, form, 2);
  const auto axis = t == nullptr ? std::nullopt : int_contents(*t);
  if (!axis || axis->size() != 1) return "'axis' that is not constant";
  form.added.emplace_back("axis", (*axis)[0]);
  form.inputs.resize(2);
  if (form.inputs[1] == kNone) form.inputs.resize(1);
  return "";
}

}  // namespace

Downgrade downgrade_of(std::string_view full_name, int before) {
  static const auto* const rows = [] {
    auto* m = new std::map<std::pair<std::string_view, int>, Downgrade>;
    for (std::string_view op :
         {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
          "ReduceMin", "ReduceProd", "ReduceSumSquare"}) {
      (*m)[{op, 18}] = axes;
    }
    for (std::string_view op : {"ReduceSum", "Squeeze", "Unsqueeze"}) (*m)[{op, 13}] = axes;
    for (std::string_view op : {"Softmax", "LogSoftmax", "Hardmax"}) (*m)[{op, 13}] = softmax;
    (*m)[{"Split", 18}] = split_count;
    (*m)[{"Split", 13}] = split;
    (*m)[{"TopK", 10}] = top_k;
    (*m)[{"Slice", 10}] = slice;
    (*m)[{"Pad", 11}] = pad;
    (*m)[{"Clip", 11}] = clip;
    (*m)[{"DFT", 20}] = dft;
    return m;
  }();
  const auto it = rows->find({full_name, before});
  return it == rows->end() ? nullptr : it->second;
}

}  // namespace ferry::onnx
