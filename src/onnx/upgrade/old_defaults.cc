// SPDX-License-Identifier: Apache-2.0
// Attributes whose default or spelling changed: the old meaning is written out.
#include "base/status.h"
#include "onnx/upgrade/table.h"

namespace ferry::onnx {
namespace {

void set_default(SourceNode& node, std::string_view attr, AttrValue value) {
  if (node.find(attr) == nullptr) node.set(attr, std::move(value));
}

Status concat(SourceNode& node, Rewriter&) {
  set_default(node, "axis", int64_t{1});
  return {};
}

Status selu(SourceNode& node, Rewriter&) {
  set_default(node, "alpha", 1.6732f);
  set_default(node, "gamma", 1.0507f);
  return {};
}

// The exponent of LpPool and GlobalLpPool was a float.
Status lp_exponent(SourceNode& node, Rewriter&) {
  const AttrValue* p = node.find("p");
  if (p == nullptr || !std::holds_alternative<float>(*p)) return {};
  const float value = std::get<float>(*p);
  if (value != static_cast<float>(static_cast<int64_t>(value))) {
    return unsupported_op("exponent p = {} is no integer", value);
  }
  node.set("p", static_cast<int64_t>(value));
  return {};
}

// RoiAlign-10 had no half-pixel shift of the regions.
Status roi_align(SourceNode& node, Rewriter&) {
  node.set("coordinate_transformation_mode", std::string("output_half_pixel"));
  return {};
}

Status grid_sample(SourceNode& node, Rewriter&) {
  const auto mode = node.get<std::string>("mode", "bilinear");
  if (mode == "bilinear") node.set("mode", std::string("linear"));
  if (mode == "bicubic") node.set("mode", std::string("cubic"));
  return {};
}

// PyTorch's exporter writes signals as [batch, samples], without the last axis of one or two parts.
Status stft(SourceNode& node, Rewriter& r) {
  const Type x = r.type(node.inputs.empty() ? kNone : node.inputs[0]);
  if (!x.is_tensor() || !x.has_rank() || x.rank() != 2) return {};
  FERRY_ASSIGN_OR_RETURN(node.inputs[0], r.emit("Unsqueeze", {node.inputs[0], r.ints({2})}));
  return {};
}

// Scatter became ScatterElements.
Status scatter(SourceNode& node, Rewriter&) {
  node.op_type = "ScatterElements";
  return {};
}

// Gemm-1 and -6 said whether C broadcasts; since 7 it always may.
Status gemm(SourceNode& node, Rewriter&) {
  node.remove("broadcast");
  return {};
}

// OneHot-9 gave only off values for negative indices, which later count from the end. An index of
// `depth` stands for "none".
Status one_hot(SourceNode& node, Rewriter& r) {
  if (node.inputs.size() < 2) return {};
  const Type indices = r.type(node.inputs[0]);
  if (!indices.is_tensor()) return {};
  FERRY_ASSIGN_OR_RETURN(const ValueId zero, r.scalar(0, indices.dtype));
  FERRY_ASSIGN_OR_RETURN(const ValueId negative, r.emit("Less", {node.inputs[0], zero}));
  FERRY_ASSIGN_OR_RETURN(const ValueId scalar, r.emit("Reshape", {node.inputs[1], r.ints({})}));
  FERRY_ASSIGN_OR_RETURN(const ValueId depth,
                         r.emit("Cast", {scalar}, {{"to", static_cast<int64_t>(indices.dtype)}}));
  FERRY_ASSIGN_OR_RETURN(const ValueId none, r.emit("Where", {negative, depth, node.inputs[0]}));
  node.inputs[0] = none;
  return {};
}

}  // namespace

void add_old_defaults(std::vector<UpgradeRow>& rows) {
  rows.push_back({"Concat", 4, concat});
  rows.push_back({"Selu", 6, selu});
  rows.push_back({"LpPool", 2, lp_exponent});
  rows.push_back({"GlobalLpPool", 2, lp_exponent});
  rows.push_back({"RoiAlign", 16, roi_align});
  rows.push_back({"GridSample", 20, grid_sample});
  rows.push_back({"Scatter", kAnyVersion, scatter});
  rows.push_back({"STFT", kAnyVersion, stft});
  rows.push_back({"Gemm", 7, gemm});
  rows.push_back({"OneHot", 11, one_hot});
}

}  // namespace ferry::onnx
