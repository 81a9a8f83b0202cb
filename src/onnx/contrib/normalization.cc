// SPDX-License-Identifier: Apache-2.0
// SimplifiedLayerNormalization(x, g) => RMSNormalization(x, g)
// SkipLayerNormalization(x, s, g, b, c) => LayerNormalization(x + s + c, g, b)
// SkipSimplifiedLayerNormalization(x, s, g, c) => RMSNormalization(x + s + c, g)
// EmbedLayerNormalization(ids, segments, words, positions, kinds, g, b) =>
//     LayerNormalization(words[ids] + positions[0..n] + kinds[segments], g, b)
#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

Status simplified(SourceNode& node, Rewriter&) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  FERRY_RETURN_IF_ERROR(refuse_outputs(node, 1));
  node.op_type = "RMSNormalization";
  node.domain.clear();
  return {};
}

// The sum of the inputs that are there; it becomes output `index` of the node when that is wanted.
Result<ValueId> sum_of(SourceNode& node, Rewriter& r, std::vector<ValueId> parts, size_t index) {
  ValueId sum = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i] == kNone) continue;
    FERRY_ASSIGN_OR_RETURN(sum, r.emit("Add", {sum, parts[i]}));
  }
  if (node.has_output(index)) {
    SourceNode copy;
    copy.op_type = "Identity";
    copy.inputs = {sum};
    copy.outputs = {node.outputs[index]};
    r.add_after(std::move(copy));
    node.outputs[index] = kNone;
  }
  return sum;
}

ValueId input_or_none(const SourceNode& node, size_t i) {
  return node.has_input(i) ? node.inputs[i] : kNone;
}

Status skip(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  const float epsilon = node.get("epsilon", 1e-12f);
  FERRY_ASSIGN_OR_RETURN(
      const ValueId sum,
      sum_of(node, r, {node.inputs[0], node.inputs[1], input_or_none(node, 4)}, 3));
  FERRY_RETURN_IF_ERROR(refuse_outputs(node, 1));
  become(node, "LayerNormalization", {sum, node.inputs[2], input_or_none(node, 3)});
  node.set("epsilon", epsilon);
  return {};
}

Status skip_simplified(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  const float epsilon = node.get("epsilon", 1e-12f);
  FERRY_ASSIGN_OR_RETURN(
      const ValueId sum,
      sum_of(node, r, {node.inputs[0], node.inputs[1], input_or_none(node, 3)}, 3));
  FERRY_RETURN_IF_ERROR(refuse_outputs(node, 1));
  become(node, "RMSNormalization", {sum, node.inputs[2]});
  node.set("epsilon", epsilon);
  return {};
}

// 0, 1, ..., n - 1 for a batch of n tokens: [n], which gathers one row per token.
Result<ValueId> token_positions(SourceNode& node, Rewriter& r) {
  FERRY_ASSIGN_OR_RETURN(
      const ValueId length,
      r.emit("Shape", {node.inputs[0]}, {{"start", int64_t{1}}, {"end", int64_t{2}}}));
  FERRY_ASSIGN_OR_RETURN(const ValueId end, r.emit("Squeeze", {length}));
  return r.emit("Range", {r.scalar_int(0), end, r.scalar_int(1)});
}

Status embed(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 1));
  if (!node.has_input(2) || !node.has_input(3) || !node.has_input(5) || !node.has_input(6)) {
    return invalid_model("an embedding, gamma or beta is missing");
  }
  const float epsilon = node.get("epsilon", 1e-12f);
  FERRY_ASSIGN_OR_RETURN(const ValueId words, r.emit("Gather", {node.inputs[2], node.inputs[0]}));
  ValueId positions = input_or_none(node, 8);
  if (positions == kNone) {
    FERRY_ASSIGN_OR_RETURN(positions, token_positions(node, r));
  }
  FERRY_ASSIGN_OR_RETURN(const ValueId places, r.emit("Gather", {node.inputs[3], positions}));
  ValueId kinds = kNone;
  if (node.has_input(4) && node.has_input(1)) {
    FERRY_ASSIGN_OR_RETURN(kinds, r.emit("Gather", {node.inputs[4], node.inputs[1]}));
  }
  // Output 1, the index of the mask: the number of tokens that are not masked, per sample.
  if (node.has_output(1)) {
    if (!node.has_input(7)) return unsupported_op("mask_index without a mask");
    SourceNode count;
    count.op_type = "ReduceSum";
    count.inputs = {node.inputs[7], r.ints({1})};
    count.outputs = {node.outputs[1]};
    count.set("keepdims", int64_t{0});
    r.add_after(std::move(count));
    node.outputs[1] = kNone;
  }
  FERRY_ASSIGN_OR_RETURN(const ValueId sum, sum_of(node, r, {words, places, kinds}, 2));
  FERRY_RETURN_IF_ERROR(refuse_outputs(node, 1));
  become(node, "LayerNormalization", {sum, node.inputs[5], node.inputs[6]});
  node.set("epsilon", epsilon);
  return {};
}

}  // namespace

void add_contrib_normalization(std::vector<UpgradeRow>& rows) {
  // onnxruntime writes this one into the domain of ONNX itself.
  rows.push_back({"SimplifiedLayerNormalization", kAnyVersion, simplified});
  rows.push_back({"com.microsoft.SimplifiedLayerNormalization", kAnyVersion, simplified});
  rows.push_back({"com.microsoft.SkipLayerNormalization", kAnyVersion, skip});
  rows.push_back({"com.microsoft.SkipSimplifiedLayerNormalization", kAnyVersion, skip_simplified});
  rows.push_back({"com.microsoft.EmbedLayerNormalization", kAnyVersion, embed});
}

}  // namespace ferry::onnx
