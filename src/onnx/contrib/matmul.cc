// SPDX-License-Identifier: Apache-2.0
// FusedMatMul(a, b; alpha, transA, transB) => alpha * MatMul(a^T, b^T)
// FusedGemm(a, b, c; activation) => activation(Gemm(a, b, c))
// FusedConv(x, w, b, z; activation) => activation(Conv(x, w, b) + z)
// MatMulNBits(a, b, scales, zeros) => MatMul(a, Transpose(DequantizeLinear(b as u4)))
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

// Lets `node` compute into a new value and puts the activation behind it.
Status activate(SourceNode& node, Rewriter& r, std::string activation,
                std::vector<std::pair<std::string, AttrValue>> attrs) {
  if (activation.empty()) return {};
  SourceNode next;
  next.op_type = std::move(activation);
  next.outputs = {node.outputs.at(0)};
  node.outputs[0] = r.new_value();
  next.inputs = {node.outputs[0]};
  next.attrs = std::move(attrs);
  r.add_after(std::move(next));
  return {};
}

Status fused_gemm(SourceNode& node, Rewriter& r) {
  const auto activation = node.get<std::string>("activation", "");
  std::vector<std::pair<std::string, AttrValue>> attrs;
  for (std::string_view name : {"alpha", "beta", "gamma"}) {
    const std::string key = "activation_" + std::string(name);
    if (const AttrValue* v = node.find(key)) attrs.emplace_back(std::string(name), *v);
    node.remove(key);
  }
  node.remove("activation");
  node.op_type = "Gemm";
  node.domain.clear();
  return activate(node, r, activation, std::move(attrs));
}

Status fused_conv(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  const auto activation = node.get<std::string>("activation", "");
  const auto params = node.get("activation_params", std::vector<float>());
  node.remove("activation");
  node.remove("activation_params");
  node.op_type = "Conv";
  node.domain.clear();
  std::vector<std::pair<std::string, AttrValue>> attrs;
  if (activation == "LeakyRelu" && params.size() == 1) attrs = {{"alpha", params[0]}};
  if (activation == "HardSigmoid" && params.size() == 2) {
    attrs = {{"alpha", params[0]}, {"beta", params[1]}};
  }
  if (activation == "Clip" && params.size() == 2) return unsupported_op("FusedConv with Clip");
  const ValueId z = node.has_input(3) ? node.inputs[3] : kNone;
  if (node.inputs.size() > 3) node.inputs.resize(3);
  if (z == kNone) return activate(node, r, activation, std::move(attrs));
  SourceNode add;
  add.op_type = "Add";
  add.outputs = {node.outputs.at(0)};
  node.outputs[0] = r.new_value();
  add.inputs = {node.outputs[0], z};
  if (activation.empty()) {
    r.add_after(std::move(add));
    return {};
  }
  SourceNode last;
  last.op_type = activation;
  last.outputs = add.outputs;
  add.outputs = {r.new_value()};
  last.inputs = add.outputs;
  last.attrs = std::move(attrs);
  r.add_after(std::move(add));
  r.add_after(std::move(last));
  return {};
}

// A view of packed bytes as 4-bit elements [rows, columns].
Result<ValueId> as_nibbles(Rewriter& r, ValueId bytes, int64_t rows, int64_t columns) {
  const Tensor* t = r.constant(bytes);
  if (t == nullptr || t->dtype() != DType::kUInt8) {
    return unsupported_op("MatMulNBits needs constant weights and zero points of u8");
  }
  // A row of an odd number of elements ends with half a byte of padding, which a dense tensor
  // lacks.
  if (columns % 2 != 0 || t->count() * 2 != rows * columns) {
    return unsupported_op("MatMulNBits with {} for {} rows of {} elements", t->describe(), rows,
                          columns);
  }
  const Tensor kept = *t;
  return r.add_constant(Tensor::share(DType::kUInt4, {rows, columns}, const_cast<void*>(kept.raw()),
                                      std::make_shared<Tensor>(kept)));
}

Status matmul_n_bits(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  const int64_t k = node.get_int("K", 0), n = node.get_int("N", 0);
  const int64_t bits = node.get_int("bits", 4), block = node.get_int("block_size", 0);
  if (bits != 4 || node.has_input(4))
    return unsupported_op("MatMulNBits with {} bits or g_idx", bits);
  if (k < 1 || n < 1 || block < 1 || k > INT32_MAX || n > INT32_MAX || k % block != 0) {
    return unsupported_op("MatMulNBits with K = {}, N = {}, block_size = {}", k, n, block);
  }
  const int64_t blocks = k / block;
  FERRY_ASSIGN_OR_RETURN(const ValueId b, as_nibbles(r, node.inputs[1], n, k));
  FERRY_ASSIGN_OR_RETURN(const ValueId scales,
                         r.emit("Reshape", {node.inputs[2], r.ints({n, blocks})}));
  ValueId zeros;
  if (node.has_input(3)) {
    FERRY_ASSIGN_OR_RETURN(zeros, as_nibbles(r, node.inputs[3], n, blocks));
  } else {
    FERRY_ASSIGN_OR_RETURN(Tensor t, Tensor::allocate(DType::kUInt4, {n, blocks}));
    std::fill_n(static_cast<uint8_t*>(t.raw()), t.size_bytes(), uint8_t{0x88});
    zeros = r.add_constant(std::move(t));
  }
  FERRY_ASSIGN_OR_RETURN(const ValueId weights,
                         r.emit("DequantizeLinear", {b, scales, zeros},
                                {{"axis", int64_t{1}}, {"block_size", block}}));
  FERRY_ASSIGN_OR_RETURN(const ValueId columns,
                         r.emit("Transpose", {weights}, {{"perm", std::vector<int64_t>{1, 0}}}));
  if (!node.has_input(5)) {
    become(node, "MatMul", {node.inputs[0], columns});
    return {};
  }
  FERRY_ASSIGN_OR_RETURN(const ValueId product, r.emit("MatMul", {node.inputs[0], columns}));
  become(node, "Add", {product, node.inputs[5]});
  return {};
}

struct Quantized {
  ValueId value, scale, zero;
};

// MatMulInteger(a, b) * (a_scale * b_scale) + bias
Status integer_matmul(SourceNode& node, Rewriter& r, const Quantized& a, const Quantized& b,
                      ValueId bias) {
  FERRY_ASSIGN_OR_RETURN(const ValueId sums,
                         r.emit("MatMulInteger", {a.value, b.value, a.zero, b.zero}));
  FERRY_ASSIGN_OR_RETURN(const ValueId real,
                         r.emit("Cast", {sums}, {{"to", static_cast<int64_t>(DType::kFloat32)}}));
  FERRY_ASSIGN_OR_RETURN(const ValueId scale, r.emit("Mul", {a.scale, b.scale}));
  if (bias == kNone) {
    become(node, "Mul", {real, scale});
    return {};
  }
  FERRY_ASSIGN_OR_RETURN(const ValueId scaled, r.emit("Mul", {real, scale}));
  become(node, "Add", {scaled, bias});
  return {};
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
  rows.push_back({"com.microsoft.MatMulNBits", kAnyVersion, matmul_n_bits});
  rows.push_back({"com.microsoft.DynamicQuantizeMatMul", kAnyVersion, dynamic_quantize_matmul});
  rows.push_back({"com.microsoft.MatMulIntegerToFloat", kAnyVersion, matmul_integer_to_float});
}

}  // namespace ferry::onnx
