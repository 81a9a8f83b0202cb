// SPDX-License-Identifier: Apache-2.0
// FusedMatMul(a, b; alpha, transA, transB) => alpha * MatMul(a^T, b^T)
// FusedGemm(a, b, c; activation) => activation(Gemm(a, b, c))
// FusedConv(x, w, b, z; activation) => activation(Conv(x, w, b) + z)
// DynamicQuantizeMatMul, MatMulIntegerToFloat => MatMulInteger, Cast, Mul, Add
#include <algorithm>
#include <numeric>

#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

// Swaps the last two axes; with `batch` the first axis has moved in front of the last.
Result<ValueId> transposed(Rewriter& r, ValueId x, bool swap, bool batch) {
  const Type type = r.type(x);
  if (!swap && !batch) return x;
  if (!type.has_rank()) return unsupported_op("transA and transB need inputs of known rank");
  const size_t rank = type.rank();
  if (rank < 2) return x;
  std::vector<int64_t> perm(rank);
  std::iota(perm.begin(), perm.end(), int64_t{0});
  if (batch) std::rotate(perm.begin(), perm.begin() + 1, perm.end() - 1);
  if (swap) std::swap(perm[rank - 1], perm[rank - 2]);
  return r.emit("Transpose", {x}, {{"perm", perm}});
}

Status fused_matmul(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  const float alpha = node.get("alpha", 1.0f);
  const auto flag = [&](std::string_view name) { return node.get_int(name, 0) != 0; };
  FERRY_ASSIGN_OR_RETURN(const ValueId a,
                         transposed(r, node.inputs[0], flag("transA"), flag("transBatchA")));
  FERRY_ASSIGN_OR_RETURN(const ValueId b,
                         transposed(r, node.inputs[1], flag("transB"), flag("transBatchB")));
  if (alpha == 1.0f) {
    become(node, "MatMul", {a, b});
    return {};
  }
  FERRY_ASSIGN_OR_RETURN(const DType type, dtype_of_input(node, r, 0));
  FERRY_ASSIGN_OR_RETURN(const ValueId factor, r.scalar(static_cast<double>(alpha), type));
  FERRY_ASSIGN_OR_RETURN(const ValueId product, r.emit("MatMul", {a, b}));
  become(node, "Mul", {product, factor});
  return {};
}

// The value of `node`, computed before it.
Result<ValueId> computed_before(const SourceNode& node, Rewriter& r) {
  SourceNode copy = node;
  copy.outputs = {r.new_value()};
  const ValueId value = copy.outputs[0];
  FERRY_RETURN_IF_ERROR(r.add_before(std::move(copy)));
  return value;
}

struct Activation {
  std::string name;
  std::vector<std::pair<std::string, AttrValue>> params;  // alpha, beta, gamma

  double param(size_t i) const {
    const float* v = i < params.size() ? std::get_if<float>(&params[i].second) : nullptr;
    return v == nullptr ? 1 : static_cast<double>(*v);
  }
};

// `node` becomes activation(x).
Status become_activation(SourceNode& node, Rewriter& r, Activation activation, ValueId x) {
  const std::string& name = activation.name;
  const bool scaled = name == "ScaledTanh" || name == "ParametricSoftplus";
  if (!scaled && name != "Clip") {
    become(node, name, {x});
    node.attrs = std::move(activation.params);
    return {};
  }
  if (activation.params.size() < 2) return invalid_model("{} without its two parameters", name);
  FERRY_ASSIGN_OR_RETURN(const DType type, dtype_of_input(node, r, 0));
  Emitter e(r);
  const ValueId alpha = e.scalar(activation.param(0), type);
  const ValueId beta = e.scalar(activation.param(1), type);
  if (scaled) {
    const ValueId bent = e(name == "ScaledTanh" ? "Tanh" : "Softplus", {e("Mul", {x, beta})});
    become(node, "Mul", {bent, alpha});
  } else {
    become(node, "Clip", {x, alpha, beta});
  }
  return e.status();
}

Status fused_gemm(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  Activation activation{node.get<std::string>("activation", ""), {}};
  for (std::string_view name : {"alpha", "beta", "gamma"}) {
    const std::string key = "activation_" + std::string(name);
    if (const AttrValue* v = node.find(key)) activation.params.emplace_back(std::string(name), *v);
    node.remove(key);
  }
  node.remove("activation");
  node.op_type = "Gemm";
  node.domain.clear();
  if (activation.name.empty()) return {};
  FERRY_ASSIGN_OR_RETURN(const ValueId y, computed_before(node, r));
  return become_activation(node, r, std::move(activation), y);
}

}  // namespace

Status fused_conv(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  Activation activation{node.get<std::string>("activation", ""), {}};
  const auto params = node.get("activation_params", std::vector<float>());
  node.remove("activation");
  node.remove("activation_params");
  node.op_type = "Conv";
  node.domain.clear();
  const size_t wanted = activation.name == "LeakyRelu"                                  ? 1
                        : activation.name == "HardSigmoid" || activation.name == "Clip" ? 2
                                                                                        : 0;
  if (params.size() == wanted) {
    for (size_t i = 0; i < wanted; ++i) {
      activation.params.emplace_back(i == 0 ? "alpha" : "beta", params[i]);
    }
  }
  const ValueId z = input_or_none(node, 3);
  if (node.inputs.size() > 3) node.inputs.resize(3);
  if (z == kNone && activation.name.empty()) return {};
  FERRY_ASSIGN_OR_RETURN(ValueId y, computed_before(node, r));
  if (activation.name.empty()) {
    become(node, "Add", {y, z});
    return {};
  }
  if (z != kNone) {
    FERRY_ASSIGN_OR_RETURN(y, r.emit("Add", {y, z}));
  }
  return become_activation(node, r, std::move(activation), y);
}

namespace {

struct Quantized {
  ValueId value, scale, zero;
};

// MatMulInteger(a, b) * (a_scale * b_scale) + bias
Status integer_matmul(SourceNode& node, Rewriter& r, const Quantized& a, const Quantized& b,
                      ValueId bias) {
  Emitter e(r);
  const ValueId sums = e("MatMulInteger", {a.value, b.value, a.zero, b.zero});
  const ValueId real = e.cast(sums, DType::kFloat32), scale = e("Mul", {a.scale, b.scale});
  if (bias == kNone) {
    become(node, "Mul", {real, scale});
  } else {
    become(node, "Add", {e("Mul", {real, scale}), bias});
  }
  return e.status();
}

Status dynamic_quantize_matmul(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  SourceNode quantize;
  quantize.op_type = "DynamicQuantizeLinear";
  quantize.inputs = {node.inputs[0]};
  quantize.outputs = {r.new_value(), r.new_value(), r.new_value()};
  const Quantized a{quantize.outputs[0], quantize.outputs[1], quantize.outputs[2]};
  FERRY_RETURN_IF_ERROR(r.add_before(std::move(quantize)));
  const Quantized b{node.inputs[1], node.inputs[2], node.has_input(3) ? node.inputs[3] : kNone};
  return integer_matmul(node, r, a, b, node.has_input(4) ? node.inputs[4] : kNone);
}

Status matmul_integer_to_float(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 4));
  const auto optional = [&](size_t i) { return node.has_input(i) ? node.inputs[i] : kNone; };
  return integer_matmul(node, r, {node.inputs[0], node.inputs[2], optional(4)},
                        {node.inputs[1], node.inputs[3], optional(5)}, optional(6));
}

}  // namespace

void add_contrib_matmul(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.FusedMatMul", kAnyVersion, fused_matmul});
  rows.push_back({"com.microsoft.TransposeMatMul", kAnyVersion, fused_matmul});
  rows.push_back({"com.microsoft.FusedGemm", kAnyVersion, fused_gemm});
  rows.push_back({"com.microsoft.FusedConv", kAnyVersion, fused_conv});
  rows.push_back({"com.microsoft.DynamicQuantizeMatMul", kAnyVersion, dynamic_quantize_matmul});
  rows.push_back({"com.microsoft.MatMulIntegerToFloat", kAnyVersion, matmul_integer_to_float});
}

}  // namespace ferry::onnx
