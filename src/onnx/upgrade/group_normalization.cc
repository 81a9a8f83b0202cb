// SPDX-License-Identifier: Apache-2.0
// GroupNormalization-18 had scale and bias per group, since 21 they are per channel.
//   scale[G] => Reshape(Expand(Unsqueeze(scale, 1), [1, C / G]), [C])
#include "base/status.h"
#include "onnx/upgrade/table.h"

namespace ferry::onnx {
namespace {

Status per_channel(SourceNode& node, Rewriter& r) {
  const int64_t groups = node.get_int("num_groups", 0);
  if (groups < 1) return invalid_model("attribute 'num_groups' is missing or under 1");
  if (node.inputs.size() != 3)
    return invalid_model("has {} inputs, wanted are 3", node.inputs.size());
  FERRY_ASSIGN_OR_RETURN(
      const ValueId channels,
      r.emit("Shape", {node.inputs[0]}, {{"start", int64_t{1}}, {"end", int64_t{2}}}));
  FERRY_ASSIGN_OR_RETURN(const ValueId each, r.emit("Div", {channels, r.ints({groups})}));
  FERRY_ASSIGN_OR_RETURN(const ValueId shape,
                         r.emit("Concat", {r.ints({1}), each}, {{"axis", int64_t{0}}}));
  for (size_t i = 1; i <= 2; ++i) {
    FERRY_ASSIGN_OR_RETURN(const ValueId column,
                           r.emit("Unsqueeze", {node.inputs[i], r.ints({1})}));
    FERRY_ASSIGN_OR_RETURN(const ValueId spread, r.emit("Expand", {column, shape}));
    FERRY_ASSIGN_OR_RETURN(node.inputs[i], r.emit("Reshape", {spread, r.ints({-1})}));
  }
  return {};
}

}  // namespace

void add_group_normalization(std::vector<UpgradeRow>& rows) {
  rows.push_back({"GroupNormalization", 21, per_channel});
}

}  // namespace ferry::onnx
