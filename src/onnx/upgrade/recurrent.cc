// SPDX-License-Identifier: Apache-2.0
// RNN, LSTM and GRU before opset 7 said whether the sequence output is wanted; GRU-1 misspelled its
// default direction.
#include "onnx/upgrade/table.h"

namespace ferry::onnx {
namespace {

Status output_sequence(SourceNode& node, Rewriter&) {
  node.remove("output_sequence");
  return {};
}

Status direction(SourceNode& node, Rewriter&) {
  if (node.get<std::string>("direction", "") == "foward") {
    node.set("direction", std::string("forward"));
  }
  return {};
}

}  // namespace

void add_recurrent(std::vector<UpgradeRow>& rows) {
  for (std::string_view op : {"RNN", "LSTM", "GRU"}) rows.push_back({op, 7, output_sequence});
  rows.push_back({"GRU", 3, direction});
}

}  // namespace ferry::onnx
