// SPDX-License-Identifier: Apache-2.0
// Softmax, LogSoftmax and Hardmax before opset 13 flattened their input to two dimensions at `axis`
// (default 1) and normalised the second.
//   Softmax(x, axis) => Reshape(Softmax(Flatten(x, axis), -1), Shape(x)), or Softmax(x, a) when a
//   is the only axis from `axis` on that is not 1
#include "base/status.h"
#include "onnx/upgrade/table.h"

namespace ferry::onnx {
namespace {

// The axis that flattening leaves alone, if there is one.
std::optional<int64_t> single_axis(const Type& x, int64_t axis) {
  if (!x.has_rank()) return std::nullopt;
  const auto rank = static_cast<int64_t>(x.rank());
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank) return std::nullopt;
  int64_t found = rank - 1, wide = 0;
  for (int64_t a = axis; a < rank; ++a) {
    if ((*x.shape)[static_cast<size_t>(a)].is_constant(1)) continue;
    found = a;
    ++wide;
  }
  return wide <= 1 ? std::optional(found) : std::nullopt;
}

Status flatten(SourceNode& node, Rewriter& r) {
  const int64_t axis = node.get_int("axis", 1);
  if (node.inputs.empty() || node.outputs.empty()) return {};
  if (const auto single = single_axis(r.type(node.inputs[0]), axis)) {
    node.set("axis", *single);
    return {};
  }
  const ValueId x = node.inputs[0];
  FERRY_ASSIGN_OR_RETURN(const ValueId shape, r.emit("Shape", {x}));
  FERRY_ASSIGN_OR_RETURN(node.inputs[0], r.emit("Flatten", {x}, {{"axis", axis}}));
  node.set("axis", int64_t{-1});
  SourceNode back;
  back.op_type = "Reshape";
  back.outputs = {node.outputs[0]};
  node.outputs[0] = r.new_value();
  back.inputs = {node.outputs[0], shape};
  // A dimension of 0 in x is a size, not "copy".
  back.set("allowzero", int64_t{1});
  r.add_after(std::move(back));
  return {};
}

}  // namespace

void add_softmax(std::vector<UpgradeRow>& rows) {
  for (std::string_view op : {"Softmax", "LogSoftmax", "Hardmax"}) {
    rows.push_back({op, 13, flatten});
  }
}

}  // namespace ferry::onnx
