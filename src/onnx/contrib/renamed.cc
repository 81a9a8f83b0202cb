// SPDX-License-Identifier: Apache-2.0
// Operators that com.microsoft had first and ai.onnx took over as they were, or nearly.
#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

// QuantizeLinear and DequantizeLinear (16- and 4-bit types), Trilu, GatherND, Gelu, Pad, ...
Status same(SourceNode& node, Rewriter&) {
  node.domain.clear();
  return {};
}

Status expand_dims(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  if (const auto axis = r.constant_ints(node.inputs[1]); axis && axis->size() == 1) {
    become(node, "Unsqueeze", {node.inputs[0], r.ints(*axis)});
    return {};
  }
  Emitter e(r);
  const ValueId axes = e("Reshape", {e.cast(node.inputs[1], DType::kInt64), e.ints({1})});
  become(node, "Unsqueeze", {node.inputs[0], axes});
  return e.status();
}

Status gather_nd(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  Emitter e(r);
  node.inputs[1] = e.cast(node.inputs[1], DType::kInt64);
  node.domain.clear();
  return e.status();
}

// `pads` may be one row of a matrix.
Status pad(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  FERRY_ASSIGN_OR_RETURN(node.inputs[1], r.emit("Reshape", {node.inputs[1], r.ints({-1})}));
  return same(node, r);
}

Status range(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  if (!node.has_input(2)) {
    FERRY_ASSIGN_OR_RETURN(const DType type, dtype_of_input(node, r, 0));
    FERRY_ASSIGN_OR_RETURN(const ValueId step, r.scalar(1, type));
    node.inputs = {node.inputs[0], node.inputs[1], step};
  }
  return same(node, r);
}

// Elements in the order in which they come first; the outputs y, inverse indices, counts.
Status unique(SourceNode& node, Rewriter& r) {
  const auto output = [&](size_t i) { return node.has_output(i) ? node.outputs[i] : kNone; };
  node.outputs = {output(0), kNone, output(1), output(2)};
  node.set("sorted", int64_t{0});
  return same(node, r);
}

// Distances of the rows of a [m, k] to those of b [n, k]: [m, n].
Status distances(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  const auto metric = node.get<std::string>("metric", "sqeuclidean");
  if (metric != "euclidean" && metric != "sqeuclidean") {
    return unsupported_op("CDist with the metric '{}'; wanted is euclidean or sqeuclidean", metric);
  }
  Emitter e(r);
  const ValueId a = e("Unsqueeze", {node.inputs[0], e.ints({1})});
  const ValueId b = e("Unsqueeze", {node.inputs[1], e.ints({0})});
  become(node, metric == "euclidean" ? "ReduceL2" : "ReduceSumSquare",
         {e("Sub", {a, b}), e.ints({2})});
  node.set("keepdims", int64_t{0});
  return e.status();
}

Status conv_transpose(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  if (node.has_input(2)) {
    const auto pads = r.constant_ints(node.inputs[2]);
    if (!pads)
      return unsupported_op("pads of ConvTranspose that are computed; wanted are constants");
    node.set("pads", *pads);
  }
  node.op_type = "ConvTranspose";
  node.inputs = {node.inputs[0], node.inputs[1], input_or_none(node, 3)};
  return same(node, r);
}

Status grid_sample(SourceNode& node, Rewriter&) {
  const auto mode = node.get<std::string>("mode", "bilinear");
  node.set("mode", mode == "bilinear"  ? std::string("linear")
                   : mode == "bicubic" ? std::string("cubic")
                                       : mode);
  node.domain.clear();
  return {};
}

// offset, offset + 1, ... for each sample of x, [batch, n, hidden] or [batch, heads, n, size].
Result<ValueId> positions_from(Rewriter& r, ValueId offset, ValueId x, int64_t length_axis) {
  Emitter e(r);
  const ValueId length = e.size(x, length_axis);
  const ValueId row = e("Add", {e.range(length), offset});
  const ValueId shape = e("Concat", {e.size(x, 0), length}, {{"axis", 0}});
  const ValueId positions = e("Expand", {row, shape});
  FERRY_RETURN_IF_ERROR(e.status());
  return positions;
}

// hidden / (2 * width of cos) heads where num_heads is absent and whole heads are rotated.
Result<int64_t> rotary_heads(const SourceNode& node, const Rewriter& r) {
  const int64_t heads = node.get_int("num_heads", 0);
  const Type x = r.type(node.inputs[0]), cos = r.type(node.inputs[2]);
  if (x.rank() != 3 || heads != 0) return heads;
  const Dim hidden = x.shape->back();
  if (node.get_int("rotary_embedding_dim", 0) != 0 || !hidden.is_constant() || !cos.has_rank() ||
      cos.rank() != 2 || !cos.shape->back().is_constant()) {
    return unsupported_op("RotaryEmbedding without num_heads needs widths that are known");
  }
  const int64_t width = cos.shape->back().constant();
  if (width < 1 || width > hidden.constant()) {
    return shape_mismatch("x is {} and cos_cache {}", x.to_string(), cos.to_string());
  }
  return hidden.constant() / (2 * width);
}

// cos and sin come before the positions in ONNX.
Status rotary_embedding(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 4));
  const Type x = r.type(node.inputs[0]), given = r.type(node.inputs[1]);
  if (node.get_int("is_packed_batching", 0) != 0 || node.get("scale", 1.0f) != 1.0f) {
    return unsupported_op("RotaryEmbedding with packed batches or a scale");
  }
  if (!x.has_rank() || x.rank() < 3 || !given.has_rank() || given.rank() < 1 || given.rank() > 2) {
    return unsupported_op("RotaryEmbedding needs position_ids[batch, sequence] or [1]");
  }
  FERRY_ASSIGN_OR_RETURN(const int64_t heads, rotary_heads(node, r));
  ValueId positions = node.inputs[1];
  if (given.rank() == 1) {
    FERRY_ASSIGN_OR_RETURN(positions,
                           positions_from(r, positions, node.inputs[0], x.rank() == 3 ? 1 : 2));
  }
  node.inputs = {node.inputs[0], node.inputs[2], node.inputs[3], positions};
  node.domain.clear();
  for (std::string_view attr : {"is_packed_batching", "scale", "num_heads"}) node.remove(attr);
  if (x.rank() == 3) node.set("num_heads", heads);
  return {};
}

}  // namespace

void add_contrib_renamed(std::vector<UpgradeRow>& rows) {
  for (std::string_view op :
       {"com.microsoft.QuantizeLinear", "com.microsoft.DequantizeLinear", "com.microsoft.Trilu"}) {
    rows.push_back({op, kAnyVersion, same});
  }
  rows.push_back({"com.microsoft.CDist", kAnyVersion, distances});
  rows.push_back({"com.microsoft.ConvTransposeWithDynamicPads", kAnyVersion, conv_transpose});
  rows.push_back({"com.microsoft.GatherND", kAnyVersion, gather_nd});
  rows.push_back({"com.microsoft.Pad", kAnyVersion, pad});
  rows.push_back({"com.microsoft.Range", kAnyVersion, range});
  rows.push_back({"com.microsoft.Unique", kAnyVersion, unique});
  rows.push_back({"com.microsoft.ExpandDims", kAnyVersion, expand_dims});
  rows.push_back({"com.microsoft.GridSample", kAnyVersion, grid_sample});
  rows.push_back({"com.microsoft.RotaryEmbedding", kAnyVersion, rotary_embedding});
}

}  // namespace ferry::onnx
