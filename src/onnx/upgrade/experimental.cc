// SPDX-License-Identifier: Apache-2.0
// Operators that opset 1 had as experiments and later versions dropped; old exporters wrote them.
#include <algorithm>

#include "base/status.h"
#include "onnx/upgrade/table.h"

namespace ferry::onnx {
namespace {

Result<ValueId> scalar_like(SourceNode& node, Rewriter& r, std::string_view attr, float otherwise) {
  const Type x = r.type(node.inputs.empty() ? kNone : node.inputs[0]);
  if (!x.is_tensor()) return unsupported_op("'{}' needs an input of known type", attr);
  const float value = node.get(attr, otherwise);
  return r.scalar(static_cast<double>(value), x.dtype);
}

void become(SourceNode& node, std::string op, std::vector<ValueId> inputs) {
  node.op_type = std::move(op);
  node.inputs = std::move(inputs);
  node.attrs.clear();
}

// alpha * x + beta
Status affine(SourceNode& node, Rewriter& r) {
  FERRY_ASSIGN_OR_RETURN(const ValueId alpha, scalar_like(node, r, "alpha", 1));
  FERRY_ASSIGN_OR_RETURN(const ValueId beta, scalar_like(node, r, "beta", 0));
  FERRY_ASSIGN_OR_RETURN(const ValueId scaled, r.emit("Mul", {node.inputs[0], alpha}));
  become(node, "Add", {scaled, beta});
  return {};
}

// scale * x
Status scale(SourceNode& node, Rewriter& r) {
  FERRY_ASSIGN_OR_RETURN(const ValueId factor, scalar_like(node, r, "scale", 1));
  become(node, "Mul", {node.inputs[0], factor});
  return {};
}

// scale * x + bias[channel]
Status image_scaler(SourceNode& node, Rewriter& r) {
  FERRY_ASSIGN_OR_RETURN(const ValueId factor, scalar_like(node, r, "scale", 1));
  const auto bias = node.get("bias", std::vector<float>());
  FERRY_ASSIGN_OR_RETURN(
      Tensor t, Tensor::allocate(DType::kFloat32, {1, static_cast<int64_t>(bias.size()), 1, 1}));
  std::copy(bias.begin(), bias.end(), t.data<float>());
  FERRY_ASSIGN_OR_RETURN(const ValueId scaled, r.emit("Mul", {node.inputs[0], factor}));
  become(node, "Add", {scaled, r.add_constant(std::move(t))});
  return {};
}

// alpha * ln(1 + exp(beta * x))
Status parametric_softplus(SourceNode& node, Rewriter& r) {
  FERRY_ASSIGN_OR_RETURN(const ValueId alpha, scalar_like(node, r, "alpha", 1));
  FERRY_ASSIGN_OR_RETURN(const ValueId beta, scalar_like(node, r, "beta", 1));
  FERRY_ASSIGN_OR_RETURN(const ValueId scaled, r.emit("Mul", {node.inputs[0], beta}));
  FERRY_ASSIGN_OR_RETURN(const ValueId soft, r.emit("Softplus", {scaled}));
  become(node, "Mul", {soft, alpha});
  return {};
}

// alpha * tanh(beta * x)
Status scaled_tanh(SourceNode& node, Rewriter& r) {
  FERRY_ASSIGN_OR_RETURN(const ValueId alpha, scalar_like(node, r, "alpha", 1));
  FERRY_ASSIGN_OR_RETURN(const ValueId beta, scalar_like(node, r, "beta", 1));
  FERRY_ASSIGN_OR_RETURN(const ValueId scaled, r.emit("Mul", {node.inputs[0], beta}));
  FERRY_ASSIGN_OR_RETURN(const ValueId bent, r.emit("Tanh", {scaled}));
  become(node, "Mul", {bent, alpha});
  return {};
}

// Cuts `border` (left, top, right, bottom) off images [N, C, H, W], or takes `scale` (H, W)
// elements from (left, top) on.
Status crop(SourceNode& node, Rewriter& r) {
  const auto border = node.get("border", std::vector<int64_t>());
  const auto size = node.get("scale", std::vector<int64_t>());
  if (border.size() != 4 || (!size.empty() && size.size() != 2)) {
    return invalid_model("attribute 'border' has {} elements and 'scale' {}, wanted are 4 and 2",
                         border.size(), size.size());
  }
  std::vector<int64_t> ends = {-border[3], -border[2]};
  if (size.size() == 2) {
    ends = {border[1] + size[0], border[0] + size[1]};
  } else {
    // An end of -0 would be empty.
    for (int64_t& e : ends) e = e == 0 ? INT64_MAX : e;
  }
  become(node, "Slice",
         {node.inputs.at(0), r.ints({border[1], border[0]}), r.ints(ends), r.ints({2, 3})});
  return {};
}

// DynamicSlice(x, starts, ends, axes) had the inputs that Slice has now.
Status dynamic_slice(SourceNode& node, Rewriter&) {
  node.op_type = "Slice";
  return {};
}

// ConstantFill took its shape from an input, or from the attribute `shape`.
Status constant_fill(SourceNode& node, Rewriter& r) {
  const int64_t dtype = node.get_int("dtype", 1);
  if (node.get_int("input_as_shape", 0) == 0 || node.find("extra_shape") != nullptr ||
      dtype != static_cast<int64_t>(DType::kFloat32)) {
    if (node.find("shape") == nullptr || dtype != static_cast<int64_t>(DType::kFloat32)) {
      return unsupported_op("this form of ConstantFill");
    }
  }
  const ValueId shape = node.find("shape") != nullptr
                            ? r.ints(node.get("shape", std::vector<int64_t>()))
                            : node.inputs.at(0);
  FERRY_ASSIGN_OR_RETURN(Tensor value, Tensor::allocate(DType::kFloat32, {1}));
  *value.data<float>() = node.get("value", 0.0f);
  become(node, "ConstantOfShape", {shape});
  node.set("value", std::move(value));
  return {};
}

// MeanVarianceNormalization-1 named what it averages over by flags.
Status mean_variance(SourceNode& node, Rewriter& r) {
  const bool across = node.get_int("across_channels", 0) != 0;
  if (node.get_int("normalize_variance", 1) == 0) {
    const auto axes = across ? std::vector<int64_t>{1, 2, 3} : std::vector<int64_t>{2, 3};
    FERRY_ASSIGN_OR_RETURN(const ValueId mean,
                           r.emit("ReduceMean", {node.inputs.at(0), r.ints(axes)}));
    become(node, "Sub", {node.inputs[0], mean});
    return {};
  }
  node.attrs.clear();
  // Each sample on its own, unlike the default of version 9.
  node.set("axes", across ? std::vector<int64_t>{1, 2, 3} : std::vector<int64_t>{2, 3});
  return {};
}

}  // namespace

void add_experimental(std::vector<UpgradeRow>& rows) {
  rows.push_back({"Affine", kAnyVersion, affine});
  rows.push_back({"Scale", kAnyVersion, scale});
  rows.push_back({"ImageScaler", kAnyVersion, image_scaler});
  rows.push_back({"ParametricSoftplus", kAnyVersion, parametric_softplus});
  rows.push_back({"ScaledTanh", kAnyVersion, scaled_tanh});
  rows.push_back({"Crop", kAnyVersion, crop});
  rows.push_back({"DynamicSlice", kAnyVersion, dynamic_slice});
  rows.push_back({"ConstantFill", kAnyVersion, constant_fill});
  rows.push_back({"MeanVarianceNormalization", 9, mean_variance});
}

}  // namespace ferry::onnx
