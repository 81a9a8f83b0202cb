// SPDX-License-Identifier: Apache-2.0
// BatchNormalization before opset 14: training was meant by the number of outputs (and is_test);
// before 9, spatial=0 normalised every element of a sample on its own.
#include "base/status.h"
#include "onnx/upgrade/table.h"

namespace ferry::onnx {
namespace {

// Y = (X - mean) / sqrt(var + epsilon) * scale + B, all of the shape of one sample.
Status per_element(SourceNode& node, Rewriter& r) {
  const Type x = r.type(node.inputs[0]);
  if (!x.is_tensor()) return unsupported_op("spatial = 0 needs an input of known type");
  FERRY_ASSIGN_OR_RETURN(const ValueId epsilon,
                         r.scalar(static_cast<double>(node.get("epsilon", 1e-5f)), x.dtype));
  FERRY_ASSIGN_OR_RETURN(const ValueId centered, r.emit("Sub", {node.inputs[0], node.inputs[3]}));
  FERRY_ASSIGN_OR_RETURN(const ValueId variance, r.emit("Add", {node.inputs[4], epsilon}));
  FERRY_ASSIGN_OR_RETURN(const ValueId deviation, r.emit("Sqrt", {variance}));
  FERRY_ASSIGN_OR_RETURN(const ValueId normal, r.emit("Div", {centered, deviation}));
  FERRY_ASSIGN_OR_RETURN(const ValueId scaled, r.emit("Mul", {normal, node.inputs[1]}));
  node.op_type = "Add";
  node.inputs = {scaled, node.inputs[2]};
  node.attrs.clear();
  return {};
}

// Outputs 3 and 4 were the statistics of the batch itself: where nothing is kept of the old ones,
// outputs 1 and 2 are that.
Status batch_statistics(SourceNode& node, Rewriter& r) {
  SourceNode batch = node;
  batch.outputs = {r.new_value(), node.outputs[3]};
  if (node.outputs.size() > 4) batch.outputs.push_back(node.outputs[4]);
  batch.set("momentum", 0.0f);
  batch.set("training_mode", int64_t{1});
  node.outputs.resize(3);
  return r.add_before(std::move(batch));
}

Status upgrade(SourceNode& node, Rewriter& r) {
  if (node.inputs.size() != 5)
    return invalid_model("has {} inputs, wanted are 5", node.inputs.size());
  const bool test = node.get_int("is_test", 0) != 0;
  const bool spatial = node.get_int("spatial", 1) != 0;
  node.remove("is_test");
  node.remove("spatial");
  while (!node.outputs.empty() && node.outputs.back() == kNone) node.outputs.pop_back();
  const bool training = node.outputs.size() > 1 && !test;
  if (!spatial) {
    if (node.outputs.size() > 1) return unsupported_op("training with spatial = 0");
    return per_element(node, r);
  }
  if (node.outputs.size() > 5)
    return invalid_model("has {} outputs, wanted are at most 5", node.outputs.size());
  if (node.outputs.size() > 3) {
    if (test) return unsupported_op("statistics of the batch with is_test = 1");
    FERRY_RETURN_IF_ERROR(batch_statistics(node, r));
  }
  if (training) node.set("training_mode", int64_t{1});
  return {};
}

}  // namespace

void add_batch_normalization(std::vector<UpgradeRow>& rows) {
  rows.push_back({"BatchNormalization", 14, upgrade});
}

}  // namespace ferry::onnx
