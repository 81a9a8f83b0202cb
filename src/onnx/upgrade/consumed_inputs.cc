// SPDX-License-Identifier: Apache-2.0
// Before opset 6 an attribute `consumed_inputs` hinted which inputs may be overwritten.
#include "onnx/upgrade/table.h"

namespace ferry::onnx {
namespace {

Status drop(SourceNode& node, Rewriter&) {
  node.remove("consumed_inputs");
  return {};
}

}  // namespace

void add_consumed_inputs(std::vector<UpgradeRow>& rows) {
  for (std::string_view op : {"Abs",       "Add",         "BatchNormalization",
                              "Ceil",      "Clip",        "Div",
                              "Dropout",   "Elu",         "Exp",
                              "Floor",     "HardSigmoid", "InstanceNormalization",
                              "LeakyRelu", "Log",         "Max",
                              "Mean",      "Min",         "Mul",
                              "Neg",       "PRelu",       "Reciprocal",
                              "Relu",      "Selu",        "Sigmoid",
                              "Sqrt",      "Sub",         "Sum",
                              "Tanh"}) {
    rows.push_back({op, 6, drop});
  }
  rows.push_back({"Reshape", 5, drop});
}

}  // namespace ferry::onnx
