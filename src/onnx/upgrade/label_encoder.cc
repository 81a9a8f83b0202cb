// SPDX-License-Identifier: Apache-2.0
// LabelEncoder-1 mapped between the strings of a list and their positions in it.
#include <numeric>

#include "base/status.h"
#include "onnx/upgrade/table.h"

namespace ferry::onnx {
namespace {

Status label_encoder(SourceNode& node, Rewriter& r) {
  const auto classes =
      node.get<std::vector<std::string>>("classes_strings", std::vector<std::string>());
  const Type x = r.type(node.inputs.empty() ? kNone : node.inputs[0]);
  std::vector<int64_t> positions(classes.size());
  std::iota(positions.begin(), positions.end(), int64_t{0});
  node.remove("classes_strings");
  if (x.dtype == DType::kString) {
    node.set("keys_strings", classes);
    node.set("values_int64s", positions);
  } else if (x.dtype == DType::kInt64) {
    node.set("keys_int64s", positions);
    node.set("values_strings", classes);
  } else {
    return invalid_model("the input is {}, wanted is a tensor of str or i64", x.to_string());
  }
  return {};
}

}  // namespace

void add_label_encoder(std::vector<UpgradeRow>& rows) {
  rows.push_back({"ai.onnx.ml.LabelEncoder", 2, label_encoder});
}

}  // namespace ferry::onnx
