// SPDX-License-Identifier: Apache-2.0
// Before opset 7 binary operators broadcast only when `broadcast` said so, aligning the second
// input with the first at `axis`; PRelu's slope was per channel.
//   Add(a, b, axis) => Add(a, Unsqueeze(b, trailing axes))
#include "base/status.h"
#include "onnx/upgrade/table.h"

namespace ferry::onnx {
namespace {

Status append_dims(SourceNode& node, Rewriter& r, size_t input, size_t rank, int64_t count) {
  if (count <= 0) return {};
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < count; ++i) axes.push_back(static_cast<int64_t>(rank) + i);
  FERRY_ASSIGN_OR_RETURN(const ValueId wide,
                         r.emit("Unsqueeze", {node.inputs[input], r.ints(axes)}));
  node.inputs[input] = wide;
  return {};
}

Status binary(SourceNode& node, Rewriter& r) {
  const bool broadcast = node.get_int("broadcast", 0) != 0;
  const AttrValue* axis_attr = node.find("axis");
  const bool aligned = broadcast && axis_attr != nullptr;
  int64_t axis = node.get_int("axis", 0);
  node.remove("broadcast");
  node.remove("axis");
  if (!aligned || node.inputs.size() != 2) return {};
  const Type a = r.type(node.inputs[0]), b = r.type(node.inputs[1]);
  if (!a.has_rank() || !b.has_rank()) {
    return unsupported_op("attribute 'axis' of an opset before 7 needs inputs of known rank");
  }
  const auto a_rank = static_cast<int64_t>(a.rank()), b_rank = static_cast<int64_t>(b.rank());
  if (axis < 0) axis += a_rank;
  if (axis < 0 || axis + b_rank > a_rank) {
    return invalid_model("axis {} does not align {} with {}", axis, b.to_string(), a.to_string());
  }
  return append_dims(node, r, 1, b.rank(), a_rank - axis - b_rank);
}

Status prelu(SourceNode& node, Rewriter& r) {
  if (node.inputs.size() != 2) return {};
  const Type x = r.type(node.inputs[0]), slope = r.type(node.inputs[1]);
  if (slope.has_rank() && (slope.rank() != 1 || (*slope.shape)[0].is_constant(1))) return {};
  if (!x.has_rank() || !slope.has_rank()) {
    return unsupported_op("PRelu of an opset before 7 needs inputs of known rank");
  }
  // The slope of channel c belongs to axis 1.
  return append_dims(node, r, 1, 1, static_cast<int64_t>(x.rank()) - 2);
}

}  // namespace

void add_broadcast_axis(std::vector<UpgradeRow>& rows) {
  for (std::string_view op :
       {"Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Less", "Greater"}) {
    rows.push_back({op, 7, binary});
  }
  rows.push_back({"PRelu", 7, prelu});
}

}  // namespace ferry::onnx
