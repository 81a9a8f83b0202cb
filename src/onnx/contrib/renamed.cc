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
  const auto axis = r.constant_ints(node.inputs[1]);
  if (!axis || axis->size() != 1) return unsupported_op("ExpandDims needs a constant axis");
  become(node, "Unsqueeze", {node.inputs[0], r.ints(*axis)});
  return {};
}

Status grid_sample(SourceNode& node, Rewriter&) {
  const auto mode = node.get<std::string>("mode", "bilinear");
  node.set("mode", mode == "bilinear"  ? std::string("linear")
                   : mode == "bicubic" ? std::string("cubic")
                                       : mode);
  node.domain.clear();
  return {};
}

// cos and sin come before the positions in ONNX.
Status rotary_embedding(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 4));
  const Type x = r.type(node.inputs[0]), positions = r.type(node.inputs[1]);
  if (node.get_int("is_packed_batching", 0) != 0 || node.get("scale", 1.0f) != 1.0f) {
    return unsupported_op("RotaryEmbedding with packed batches or a scale");
  }
  if (!x.has_rank() || !positions.has_rank() || positions.rank() != 2) {
    return unsupported_op("RotaryEmbedding needs position_ids[batch, sequence]");
  }
  const int64_t heads = node.get_int("num_heads", 0);
  if (x.rank() == 3 && heads == 0) return unsupported_op("RotaryEmbedding without num_heads");
  node.inputs = {node.inputs[0], node.inputs[2], node.inputs[3], node.inputs[1]};
  node.domain.clear();
  for (std::string_view attr : {"is_packed_batching", "scale"}) node.remove(attr);
  if (x.rank() == 4) node.remove("num_heads");
  return {};
}

}  // namespace

void add_contrib_renamed(std::vector<UpgradeRow>& rows) {
  for (std::string_view op :
       {"com.microsoft.QuantizeLinear", "com.microsoft.DequantizeLinear", "com.microsoft.Trilu",
        "com.microsoft.GatherND", "com.microsoft.Pad", "com.microsoft.Range"}) {
    rows.push_back({op, kAnyVersion, same});
  }
  rows.push_back({"com.microsoft.ExpandDims", kAnyVersion, expand_dims});
  rows.push_back({"com.microsoft.GridSample", kAnyVersion, grid_sample});
  rows.push_back({"com.microsoft.RotaryEmbedding", kAnyVersion, rotary_embedding});
}

}  // namespace ferry::onnx
