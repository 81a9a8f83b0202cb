// SPDX-License-Identifier: Apache-2.0
// CropAndResize(x, rois, images, size) => GridSample of one image per region, and a constant where
// a region leaves its image. A region is y1, x1, y2, x2; 0 and 1 are the centers of the outermost
// pixels.
#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

// `count` places from `from` to `to` ([regions, 1]), both included; the middle for a count of 1.
ValueId places(Emitter& e, ValueId from, ValueId to, ValueId count) {
  const ValueId one = e.ints({1});
  const ValueId steps = e("Max", {e("Sub", {count, one}), one});
  const ValueId part =
      e("Div", {e.cast(e.range(count), DType::kFloat32), e.cast(steps, DType::kFloat32)});
  const ValueId t = e("Where", {e("Equal", {count, one}), e.scalar(0.5, DType::kFloat32), part});
  return e("Add", {from, e("Mul", {t, e("Sub", {to, from})})});
}

Status crop_and_resize(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 4));
  const auto mode = node.get<std::string>("mode", "bilinear");
  if (mode != "bilinear") return unsupported_op("the mode '{}'; wanted is bilinear", mode);
  Emitter e(r);
  const std::vector<ValueId> corners = e.split(node.inputs[1], 1, {1, 1, 1, 1});
  const ValueId size = e.cast(node.inputs[3], DType::kInt64);
  const std::vector<ValueId> sides = e.split(size, 0, {1, 1});
  const ValueId y = e("Unsqueeze", {places(e, corners[0], corners[2], sides[0]), e.ints({2})});
  const ValueId x = e("Unsqueeze", {places(e, corners[1], corners[3], sides[1]), e.ints({1})});

  const ValueId one = e.scalar(1, DType::kFloat32), zero = e.scalar(0, DType::kFloat32);
  const auto outside = [&](ValueId v) {
    return e("Or", {e("Less", {v, zero}), e("Greater", {v, one})});
  };
  // [regions, height, width] each: GridSample counts from -1 to 1.
  const ValueId shape = e("Concat", {e.size(y, 0), size}, {{"axis", 0}});
  const auto coordinate = [&](ValueId v) {
    const ValueId centered = e("Sub", {e("Add", {v, v}), one});
    return e("Unsqueeze", {e("Expand", {centered, shape}), e.ints({3})});
  };
  const ValueId grid = e("Concat", {coordinate(x), coordinate(y)}, {{"axis", 3}});
  SourceNode sample;
  sample.op_type = "GridSample";
  sample.inputs = {e("Gather", {node.inputs[0], node.inputs[2]}), grid};
  sample.outputs = {r.new_value()};
  sample.set("align_corners", int64_t{1});
  sample.set("padding_mode", std::string("border"));
  const ValueId inside = sample.outputs[0];
  e.add(std::move(sample));
  const ValueId out = e("Unsqueeze", {e("Or", {outside(x), outside(y)}), e.ints({1})});
  const float fill = node.get("extrapolation_value", 0.0f);
  become(node, "Where", {out, e.scalar(static_cast<double>(fill), DType::kFloat32), inside});
  return e.status();
}

}  // namespace

void add_contrib_crop_and_resize(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.CropAndResize", kAnyVersion, crop_and_resize});
}

}  // namespace ferry::onnx
