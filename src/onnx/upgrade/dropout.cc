// SPDX-License-Identifier: Apache-2.0
// Dropout before opset 12 had its ratio as an attribute and ran in inference mode; before 10 the
// mask had the type of the data.
#include "base/status.h"
#include "onnx/upgrade/table.h"

namespace ferry::onnx {
namespace {

Status mask_type(SourceNode& node, Rewriter& r) {
  node.remove("is_test");
  if (!node.has_output(1)) return {};
  SourceNode cast;
  cast.op_type = "Cast";
  cast.outputs = {node.outputs[1]};
  node.outputs[1] = r.new_value();
  cast.inputs = {node.outputs[1]};
  cast.set("to", static_cast<int64_t>(r.type(node.inputs.at(0)).dtype));
  r.add_after(std::move(cast));
  return {};
}

// The ratio has no effect outside of training.
Status ratio(SourceNode& node, Rewriter&) {
  node.remove("ratio");
  return {};
}

}  // namespace

void add_dropout(std::vector<UpgradeRow>& rows) {
  rows.push_back({"Dropout", 10, mask_type});
  rows.push_back({"Dropout", 12, ratio});
}

}  // namespace ferry::onnx
