// SPDX-License-Identifier: Apache-2.0
// Cast before opset 6 named its target type: Cast(x, to="FLOAT") => Cast(x, to=1).
#include <utility>

#include "base/status.h"
#include "onnx/upgrade/table.h"

namespace ferry::onnx {
namespace {

constexpr std::pair<std::string_view, DType> kTypeNames[] = {{"FLOAT", DType::kFloat32},
                                                             {"UINT8", DType::kUInt8},
                                                             {"INT8", DType::kInt8},
                                                             {"UINT16", DType::kUInt16},
                                                             {"INT16", DType::kInt16},
                                                             {"INT32", DType::kInt32},
                                                             {"INT64", DType::kInt64},
                                                             {"STRING", DType::kString},
                                                             {"BOOL", DType::kBool},
                                                             {"FLOAT16", DType::kFloat16},
                                                             {"DOUBLE", DType::kFloat64},
                                                             {"UINT32", DType::kUInt32},
                                                             {"UINT64", DType::kUInt64},
                                                             {"COMPLEX64", DType::kComplex64},
                                                             {"COMPLEX128", DType::kComplex128}};

Status cast(SourceNode& node, Rewriter&) {
  const auto name = node.get<std::string>("to", "");
  for (const auto& [known, type] : kTypeNames) {
    if (known == name) {
      node.set("to", static_cast<int64_t>(type));
      return {};
    }
  }
  // Some exporters wrote the number early.
  if (node.get_int("to", -1) >= 0) return {};
  return invalid_model("attribute 'to' names no element type: '{}'", name);
}

}  // namespace

void add_cast(std::vector<UpgradeRow>& rows) { rows.push_back({"Cast", 6, cast}); }

}  // namespace ferry::onnx
