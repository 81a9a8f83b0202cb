// SPDX-License-Identifier: Apache-2.0
// SimplifiedLayerNormalization(x, g) => RMSNormalization(x, g)
// SkipLayerNormalization(x, s, g, b, c) => LayerNormalization(x + s + c, g, b)
// SkipSimplifiedLayerNormalization(x, s, g, c) => RMSNormalization(x + s + c, g)
// EmbedLayerNormalization(ids, segments, words, positions, kinds, g, b) =>
//     LayerNormalization(words[ids] + positions[0..n] + kinds[segments], g, b)
// QEmbedLayerNormalization: the same of dequantized tables.
// GroupNorm(x, g, b) => GroupNormalization(x, g, b), then Swish where it asks for it
// SkipGroupNorm(x, g, b, s, c) => GroupNorm(x + s + c, g, b)
#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

// Output `index`, when it is wanted: 1 / sqrt(Mean(x^2) + epsilon) over the axes from `axis` on.
Status add_inverse_deviation(SourceNode& node, Rewriter& r, ValueId x, size_t index,
                             float epsilon) {
  if (!node.has_output(index)) return {};
  int64_t axis = node.get_int("axis", -1);
  const Type t = r.type(x);
  if (!t.has_rank()) return unsupported_op("output {} needs an input of known rank", index);
  const auto rank = static_cast<int64_t>(t.rank());
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank) return invalid_model("axis {} is outside of rank {}", axis, rank);
  std::vector<int64_t> axes;
  for (int64_t i = axis; i < rank; ++i) axes.push_back(i);
  Emitter e(r);
  const ValueId mean = e("ReduceMean", {e("Mul", {x, x}), r.ints(axes)});
  const ValueId little = e.scalar(static_cast<double>(epsilon), t.dtype);
  const ValueId deviation = e("Sqrt", {e("Add", {mean, little})});
  SourceNode inverse;
  inverse.op_type = "Reciprocal";
  inverse.inputs = {deviation};
  inverse.outputs = {node.outputs[index]};
  node.outputs[index] = kNone;
  e.add(std::move(inverse));
  return e.status();
}

Status simplified(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  FERRY_RETURN_IF_ERROR(
      add_inverse_deviation(node, r, node.inputs[0], 1, node.get("epsilon", 1e-5f)));
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
  FERRY_RETURN_IF_ERROR(add_inverse_deviation(node, r, sum, 2, epsilon));
  FERRY_RETURN_IF_ERROR(refuse_outputs(node, 1));
  become(node, "RMSNormalization", {sum, node.inputs[2]});
  node.set("epsilon", epsilon);
  return {};
}

Status embed(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 1));
  if (!node.has_input(2) || !node.has_input(3) || !node.has_input(5) || !node.has_input(6)) {
    return invalid_model("an embedding, gamma or beta is missing");
  }
  const float epsilon = node.get("epsilon", 1e-12f);
  Emitter e(r);
  const ValueId words = e("Gather", {node.inputs[2], node.inputs[0]});
  ValueId positions = input_or_none(node, 8);
  // One row per token, 0, 1, ..., for the whole batch.
  if (positions == kNone) positions = e.range(e.size(node.inputs[0], 1));
  const ValueId places = e("Gather", {node.inputs[3], positions});
  ValueId kinds = kNone;
  if (node.has_input(4) && node.has_input(1)) kinds = e("Gather", {node.inputs[4], node.inputs[1]});
  // Output 1, the index of the mask: the number of tokens that are not masked, per sample; 0
  // without a mask.
  if (node.has_output(1)) {
    ValueId mask = input_or_none(node, 7);
    if (mask == kNone) mask = e("Sub", {node.inputs[0], node.inputs[0]});
    SourceNode count;
    count.op_type = "ReduceSum";
    count.inputs = {mask, r.ints({1})};
    count.outputs = {node.outputs[1]};
    count.set("keepdims", int64_t{0});
    r.add_after(std::move(count));
    node.outputs[1] = kNone;
  }
  FERRY_RETURN_IF_ERROR(e.status());
  FERRY_ASSIGN_OR_RETURN(const ValueId sum, sum_of(node, r, {words, places, kinds}, 2));
  FERRY_RETURN_IF_ERROR(refuse_outputs(node, 1));
  become(node, "LayerNormalization", {sum, node.inputs[5], node.inputs[6]});
  node.set("epsilon", epsilon);
  return {};
}

// Inputs: ids, segments, the five tables of EmbedLayerNormalization, mask, their scales, their zero
// points.
Status quantized_embed(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 1));
  constexpr size_t kTable = 2, kScale = 8, kZero = 13;
  std::vector<ValueId> inputs = {node.inputs[0], input_or_none(node, 1)};
  for (size_t i = 0; i < 5; ++i) {
    ValueId table = input_or_none(node, kTable + i);
    if (table != kNone) {
      FERRY_ASSIGN_OR_RETURN(
          table, r.emit("DequantizeLinear",
                        {table, input_or_none(node, kScale + i), input_or_none(node, kZero + i)}));
    }
    inputs.push_back(table);
  }
  inputs.push_back(input_or_none(node, 7));
  node.inputs = std::move(inputs);
  return embed(node, r);
}

// Of [n, c, ...]; gamma and beta may have another type than x.
Status group_norm_channels_first(SourceNode& node, Rewriter& r) {
  const int64_t activation = node.get_int("activation", -1), groups = node.get_int("groups", 0);
  if (activation != 0 && activation != 1) {
    return invalid_model("activation is missing, or neither 0 nor 1");
  }
  if (groups < 1) return invalid_model("groups is missing or less than 1");
  Emitter e(r);
  const ValueId x = node.inputs[0];
  SourceNode norm;
  norm.op_type = "GroupNormalization";
  norm.inputs = {x, e("CastLike", {node.inputs[1], x}), e("CastLike", {node.inputs[2], x})};
  norm.set("num_groups", groups);
  norm.set("epsilon", node.get("epsilon", 1e-5f));
  norm.outputs = {r.new_value()};
  const ValueId y = norm.outputs[0];
  e.add(std::move(norm));
  become(node, activation == 1 ? "Swish" : "Identity", {y});
  return e.status();
}

Status group_norm(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  const bool last = node.get_int("channels_last", 1) != 0;
  return last ? in_channels_first(node, r, group_norm_channels_first)
              : group_norm_channels_first(node, r);
}

// What is added is [n, ..., c], [n, c] or, the bias, [c].
Status skip_group_norm(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 4));
  const Type x = r.type(node.inputs[0]), added = r.type(node.inputs[3]);
  if (!x.has_rank() || x.rank() != 4 || !added.has_rank() ||
      (added.rank() != 4 && added.rank() != 2)) {
    return unsupported_op("x {} and skip {}; wanted are 4 axes, or 2 of skip", x.to_string(),
                          added.to_string());
  }
  const bool last = node.get_int("channels_last", 1) != 0;
  Emitter e(r);
  ValueId skipped = node.inputs[3], bias = input_or_none(node, 4);
  if (added.rank() == 2) {
    const ValueId axes = last ? e.ints({1, 2}) : e.ints({2, 3});
    skipped = e("Unsqueeze", {skipped, axes});
  }
  if (bias != kNone && !last) bias = e("Unsqueeze", {bias, e.ints({1, 2})});
  FERRY_RETURN_IF_ERROR(e.status());
  FERRY_ASSIGN_OR_RETURN(const ValueId sum, sum_of(node, r, {node.inputs[0], skipped, bias}, 1));
  FERRY_RETURN_IF_ERROR(refuse_outputs(node, 1));
  node.inputs = {sum, node.inputs[1], node.inputs[2]};
  return group_norm(node, r);
}

}  // namespace

void add_contrib_normalization(std::vector<UpgradeRow>& rows) {
  // onnxruntime writes this one into the domain of ONNX itself.
  rows.push_back({"SimplifiedLayerNormalization", kAnyVersion, simplified});
  rows.push_back({"com.microsoft.SimplifiedLayerNormalization", kAnyVersion, simplified});
  rows.push_back({"com.microsoft.SkipLayerNormalization", kAnyVersion, skip});
  rows.push_back({"com.microsoft.SkipSimplifiedLayerNormalization", kAnyVersion, skip_simplified});
  rows.push_back({"com.microsoft.EmbedLayerNormalization", kAnyVersion, embed});
  rows.push_back({"com.microsoft.QEmbedLayerNormalization", kAnyVersion, quantized_embed});
  rows.push_back({"com.microsoft.GroupNorm", kAnyVersion, group_norm});
  rows.push_back({"com.microsoft.SkipGroupNorm", kAnyVersion, skip_group_norm});
}

}  // namespace ferry::onnx
