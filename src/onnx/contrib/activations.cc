// SPDX-License-Identifier: Apache-2.0
// Gelu(x) => Gelu(x)                       FastGelu(x, b) => Gelu<tanh>(x + b)
// BiasGelu(x, b) => Gelu(x + b)            QuickGelu(x) => Swish<alpha>(x)
// BiasSoftmax(x, b) => Softmax(x + b)      BiasAdd(x, b, s) => x + b + s
// BiasSplitGelu(x, b) => l * Gelu(r), l, r = Split(x + b)
// GemmFastGelu(x, w, b) => FastGelu(MatMul(x, w), b)
#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

// Adds input 1, if there is one, to input 0.
Result<ValueId> biased(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 1));
  if (!node.has_input(1)) return node.inputs[0];
  return r.emit("Add", {node.inputs[0], node.inputs[1]});
}

Status gelu(SourceNode& node, Rewriter& r) {
  FERRY_ASSIGN_OR_RETURN(const ValueId x, biased(node, r));
  become(node, "Gelu", {x});
  return {};
}

Status fast_gelu(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(gelu(node, r));
  node.set("approximate", std::string("tanh"));
  return {};
}

Status gemm_fast_gelu(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  FERRY_ASSIGN_OR_RETURN(const ValueId product, r.emit("MatMul", {node.inputs[0], node.inputs[1]}));
  node.inputs = {product, input_or_none(node, 2)};
  return fast_gelu(node, r);
}

Status quick_gelu(SourceNode& node, Rewriter&) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 1));
  const float alpha = node.get("alpha", 1.702f);
  become(node, "Swish", {node.inputs[0]});
  node.set("alpha", alpha);
  return {};
}

Status bias_softmax(SourceNode& node, Rewriter& r) {
  const int64_t axis = node.get_int("axis", 1);
  const Type x = r.type(node.inputs.empty() ? kNone : node.inputs[0]);
  const bool last = axis == -1 || (x.has_rank() && axis == static_cast<int64_t>(x.rank()) - 1);
  if (!last) return unsupported_op("axis {} of BiasSoftmax, wanted is the last", axis);
  FERRY_ASSIGN_OR_RETURN(const ValueId sum, biased(node, r));
  become(node, "Softmax", {sum});
  return {};
}

Status bias_add(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  FERRY_ASSIGN_OR_RETURN(const ValueId sum, biased(node, r));
  become(node, "Add", {sum, node.inputs[2]});
  return {};
}

Status bias_split_gelu(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  FERRY_ASSIGN_OR_RETURN(const ValueId sum, biased(node, r));
  SourceNode split;
  split.op_type = "Split";
  split.inputs = {sum};
  split.outputs = {r.new_value(), r.new_value()};
  split.set("axis", int64_t{-1});
  split.set("num_outputs", int64_t{2});
  const ValueId left = split.outputs[0], right = split.outputs[1];
  FERRY_RETURN_IF_ERROR(r.add_before(std::move(split)));
  FERRY_ASSIGN_OR_RETURN(const ValueId bent, r.emit("Gelu", {right}));
  become(node, "Mul", {left, bent});
  return {};
}

}  // namespace

void add_contrib_activations(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.Gelu", kAnyVersion, gelu});
  rows.push_back({"com.microsoft.BiasGelu", kAnyVersion, gelu});
  rows.push_back({"com.microsoft.FastGelu", kAnyVersion, fast_gelu});
  rows.push_back({"com.microsoft.QuickGelu", kAnyVersion, quick_gelu});
  rows.push_back({"com.microsoft.BiasSoftmax", kAnyVersion, bias_softmax});
  rows.push_back({"com.microsoft.BiasAdd", kAnyVersion, bias_add});
  rows.push_back({"com.microsoft.BiasSplitGelu", kAnyVersion, bias_split_gelu});
  rows.push_back({"com.microsoft.GemmFastGelu", kAnyVersion, gemm_fast_gelu});
}

}  // namespace ferry::onnx
