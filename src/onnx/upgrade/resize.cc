// SPDX-License-Identifier: Apache-2.0
// Resize and its ancestor Upsample.
//   Upsample(x, scales), Resize-10(x, scales) => Resize(x, -, scales), asymmetric coordinates
//   Resize-11's tf_half_pixel_for_nn => half_pixel with the rounding that picks the same elements,
//   where there is one
#include <algorithm>

#include "base/status.h"
#include "onnx/upgrade/table.h"

namespace ferry::onnx {
namespace {

Result<ValueId> float_constant(Rewriter& r, const std::vector<float>& values) {
  FERRY_ASSIGN_OR_RETURN(Tensor t,
                         Tensor::allocate(DType::kFloat32, {static_cast<int64_t>(values.size())}));
  std::copy(values.begin(), values.end(), t.data<float>());
  return r.add_constant(std::move(t));
}

// A nearest Resize with the larger of each scale and 1, before the node.
Result<ValueId> enlarged(Rewriter& r, ValueId x, ValueId scales, ValueId one) {
  FERRY_ASSIGN_OR_RETURN(const ValueId up, r.emit("Max", {scales, one}));
  return r.emit("Resize", {x, kNone, up},
                {{"mode", std::string("nearest")},
                 {"coordinate_transformation_mode", std::string("asymmetric")},
                 {"nearest_mode", std::string("floor")}});
}

// Versions up to 10 took source coordinates as x / scale; which neighbour is nearest was left open,
// and runtimes agree on the one below along an axis that grows and the one above where it shrinks.
Status asymmetric(SourceNode& node, Rewriter& r) {
  if (node.inputs.size() != 2)
    return invalid_model("has {} inputs, wanted are 2", node.inputs.size());
  ValueId scales = node.inputs[1];
  const auto mode = node.get<std::string>("mode", "nearest");
  bool grows = true, shrinks = true;
  if (const Tensor* t = r.constant(scales); t != nullptr && t->dtype() == DType::kFloat32) {
    const auto s = t->elements<float>();
    grows = std::ranges::any_of(s, [](float f) { return f > 1; });
    shrinks = std::ranges::any_of(s, [](float f) { return f < 1; });
  }
  if (mode == "nearest" && grows && shrinks) {
    FERRY_ASSIGN_OR_RETURN(const ValueId one, r.scalar(1, DType::kFloat32));
    FERRY_ASSIGN_OR_RETURN(node.inputs[0], enlarged(r, node.inputs[0], scales, one));
    FERRY_ASSIGN_OR_RETURN(scales, r.emit("Min", {scales, one}));
  }
  node.op_type = "Resize";
  node.inputs = {node.inputs[0], kNone, scales};
  node.set("mode", mode == "bilinear" ? std::string("linear") : mode);
  node.set("coordinate_transformation_mode", std::string("asymmetric"));
  node.set("nearest_mode", std::string(shrinks ? "ceil" : "floor"));
  return {};
}

Status upsample(SourceNode& node, Rewriter& r) {
  if (r.version() < 9 && node.inputs.size() == 1) {
    std::vector<float> scales = node.get("scales", std::vector<float>());
    if (r.version() < 7 && scales.empty()) {
      scales = {1, 1, node.get("height_scale", 1.0f), node.get("width_scale", 1.0f)};
    }
    FERRY_ASSIGN_OR_RETURN(const ValueId id, float_constant(r, scales));
    node.inputs.push_back(id);
    for (std::string_view attr : {"scales", "height_scale", "width_scale"}) node.remove(attr);
  }
  return asymmetric(node, r);
}

// Output i reads the source at u = (i + 0.5) / scale. With half_pixel, x = u - 0.5, so
// floor(u) = round_prefer_ceil(x) and round_prefer_floor(u) = ceil(x). Other modes have no such
// form.
Status half_pixel_for_nearest(SourceNode& node, Rewriter&) {
  if (node.get<std::string>("coordinate_transformation_mode", "") != "tf_half_pixel_for_nn") {
    return {};
  }
  const auto nearest = node.get<std::string>("nearest_mode", "round_prefer_floor");
  const bool known = nearest == "floor" || nearest == "round_prefer_floor";
  if (node.get<std::string>("mode", "nearest") != "nearest" || !known) return {};
  node.set("coordinate_transformation_mode", std::string("half_pixel"));
  node.set("nearest_mode", std::string(nearest == "floor" ? "round_prefer_ceil" : "ceil"));
  return {};
}

// Empty constants stand for absent inputs.
Status drop_empty_inputs(SourceNode& node, Rewriter& r) {
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const Tensor* t = r.constant(node.inputs[i]);
    if (t != nullptr && t->count() == 0) node.inputs[i] = kNone;
  }
  // Resize-11 required scales even beside sizes, which win.
  if (r.version() < 13 && node.has_input(3)) node.inputs[2] = kNone;
  return {};
}

}  // namespace

void add_resize(std::vector<UpgradeRow>& rows) {
  rows.push_back({"Upsample", kAnyVersion, upsample});
  rows.push_back({"Resize", 11, asymmetric});
  rows.push_back({"Resize", 13, half_pixel_for_nearest});
  rows.push_back({"Resize", kAnyVersion, drop_empty_inputs});
}

}  // namespace ferry::onnx
