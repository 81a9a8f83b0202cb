// SPDX-License-Identifier: Apache-2.0
// Attributes that became inputs: axes, k, starts, pads, min and max, ...
//   Squeeze(x, axes=[1]) => Squeeze(x, [1])
#include <cfloat>
#include <cmath>

#include "base/status.h"
#include "onnx/upgrade/table.h"
#include "tensor/visit.h"

namespace ferry::onnx {
namespace {

using Ints = std::vector<int64_t>;

void set_input(SourceNode& node, size_t index, ValueId value) {
  if (node.inputs.size() <= index) node.inputs.resize(index + 1, kNone);
  node.inputs[index] = value;
}

// Moves a list of integers to an input; an attribute of another kind is left for the binding to
// complain about. Returns whether it was there.
bool move_ints(SourceNode& node, Rewriter& r, std::string_view attr, size_t index) {
  const AttrValue* value = node.find(attr);
  const Ints* ints = value == nullptr ? nullptr : std::get_if<Ints>(value);
  if (ints == nullptr) return false;
  set_input(node, index, r.ints(*ints));
  node.remove(attr);
  return true;
}

Status axes(SourceNode& node, Rewriter& r) {
  move_ints(node, r, "axes", 1);
  return {};
}

Status unsqueeze(SourceNode& node, Rewriter& r) {
  if (!move_ints(node, r, "axes", 1)) return invalid_model("attribute 'axes' is missing");
  return {};
}

Status split(SourceNode& node, Rewriter& r) {
  move_ints(node, r, "split", 1);
  return {};
}

// Version 1 took sizes in the type of x.
Status split_1(SourceNode& node, Rewriter& r) {
  if (!node.has_input(1)) return {};
  const std::pair<std::string, AttrValue> to = {"to", static_cast<int64_t>(DType::kInt64)};
  FERRY_ASSIGN_OR_RETURN(node.inputs[1], r.emit("Cast", {node.inputs[1]}, {to}));
  return {};
}

// Without sizes the number of outputs used to speak for itself.
Status split_count(SourceNode& node, Rewriter&) {
  if (!node.has_input(1)) node.set("num_outputs", static_cast<int64_t>(node.outputs.size()));
  return {};
}

Status top_k(SourceNode& node, Rewriter& r) {
  const AttrValue* k = node.find("k");
  if (k == nullptr || !std::holds_alternative<int64_t>(*k)) {
    return invalid_model("attribute 'k' is missing or no integer");
  }
  set_input(node, 1, r.ints({std::get<int64_t>(*k)}));
  node.remove("k");
  return {};
}

Status slice(SourceNode& node, Rewriter& r) {
  if (!move_ints(node, r, "starts", 1) || !move_ints(node, r, "ends", 2)) {
    return invalid_model("attribute 'starts' or 'ends' is missing");
  }
  move_ints(node, r, "axes", 3);
  return {};
}

Status reshape(SourceNode& node, Rewriter& r) {
  move_ints(node, r, "shape", 1);
  return {};
}

Status pad_1(SourceNode& node, Rewriter&) {
  node.rename("paddings", "pads");
  return {};
}

// Adds the floating attribute as a scalar input of the type of input 0.
Status move_float(SourceNode& node, Rewriter& r, std::string_view attr, float otherwise,
                  size_t index) {
  const float value = node.get<float>(attr, otherwise);
  node.remove(attr);
  const Type type = r.type(node.inputs.empty() ? kNone : node.inputs[0]);
  if (!type.is_tensor()) return unsupported_op("'{}' needs an input of known type", attr);
  FERRY_ASSIGN_OR_RETURN(const ValueId id, r.scalar(static_cast<double>(value), type.dtype));
  set_input(node, index, id);
  return {};
}

Status pad_2(SourceNode& node, Rewriter& r) {
  if (!move_ints(node, r, "pads", 1)) return invalid_model("attribute 'pads' is missing");
  if (node.get<std::string>("mode", "constant") != "constant" || node.get("value", 0.0f) == 0.0f) {
    node.remove("value");
    return {};
  }
  return move_float(node, r, "value", 0.0f, 2);
}

// Clip-1 had no bounds by default, Clip-6 those of f32.
Status clip(SourceNode& node, Rewriter& r) {
  const bool bounded = r.version() >= 6;
  if (bounded || node.find("min")) FERRY_RETURN_IF_ERROR(move_float(node, r, "min", -FLT_MAX, 1));
  if (bounded || node.find("max")) FERRY_RETURN_IF_ERROR(move_float(node, r, "max", FLT_MAX, 2));
  return {};
}

Status dft(SourceNode& node, Rewriter& r) {
  const int64_t axis = node.get_int("axis", 1);
  node.remove("axis");
  set_input(node, 2, r.scalar_int(axis));
  return {};
}

// Whole numbers of a constant, integers or not.
std::optional<Ints> whole_numbers(const Rewriter& r, ValueId value) {
  if (auto ints = r.constant_ints(value)) return ints;
  const Tensor* t = r.constant(value);
  if (t == nullptr) return std::nullopt;
  Ints ints;
  const Status status = visit_floating(t->dtype(), [&]<class T>(TypeTag<T>) -> Status {
    for (const T element : t->elements<T>()) {
      const auto v = static_cast<double>(element);
      if (!(std::fabs(v) < 1e15) || v != std::trunc(v)) return invalid_model("{} is not whole", v);
      ints.push_back(static_cast<int64_t>(v));
    }
    return {};
  });
  return status.ok() ? std::optional(std::move(ints)) : std::nullopt;
}

// Tile(x, tiles, axis) => Tile(x, [1, ..., tiles, ..., 1]); both came in the type of x.
Status tile(SourceNode& node, Rewriter& r) {
  if (node.inputs.size() != 3)
    return invalid_model("has {} inputs, wanted are 3", node.inputs.size());
  const auto tiles = whole_numbers(r, node.inputs[1]), axis = whole_numbers(r, node.inputs[2]);
  const Type x = r.type(node.inputs[0]);
  if (!tiles || !axis || tiles->size() != 1 || axis->size() != 1 || !x.has_rank()) {
    return unsupported_op(
        "Tile of an opset before 6 needs constant tiles and axis and a known rank");
  }
  Ints repeats(x.rank(), 1);
  const int64_t at = (*axis)[0] < 0 ? (*axis)[0] + static_cast<int64_t>(x.rank()) : (*axis)[0];
  if (at < 0 || at >= static_cast<int64_t>(x.rank())) {
    return invalid_model("axis {} outside of {}", (*axis)[0], x.to_string());
  }
  repeats[static_cast<size_t>(at)] = (*tiles)[0];
  node.inputs = {node.inputs[0], r.ints(repeats)};
  return {};
}

}  // namespace

void add_attribute_to_input(std::vector<UpgradeRow>& rows) {
  for (std::string_view op :
       {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
        "ReduceMin", "ReduceProd", "ReduceSumSquare"}) {
    rows.push_back({op, 18, axes});
  }
  rows.push_back({"ReduceSum", 13, axes});
  rows.push_back({"Squeeze", 13, axes});
  rows.push_back({"Unsqueeze", 13, unsqueeze});
  rows.push_back({"Split", 2, split_1});
  rows.push_back({"Split", 13, split});
  rows.push_back({"Split", 18, split_count});
  rows.push_back({"TopK", 10, top_k});
  rows.push_back({"Slice", 10, slice});
  rows.push_back({"Reshape", 5, reshape});
  rows.push_back({"Pad", 2, pad_1});
  rows.push_back({"Pad", 11, pad_2});
  rows.push_back({"Clip", 11, clip});
  rows.push_back({"DFT", 20, dft});
  rows.push_back({"Tile", 6, tile});
}

}  // namespace ferry::onnx
