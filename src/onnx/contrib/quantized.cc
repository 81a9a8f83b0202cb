// SPDX-License-Identifier: Apache-2.0
// Quantized operators of one formula: dequantize the inputs, compute, quantize the output.
//   QLinearAdd(a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero) =>
//       QuantizeLinear(Add(DequantizeLinear(a), DequantizeLinear(b)), y_scale, y_zero)
#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

// Inputs `at`, at + 1 and at + 2 are a value, its scale and its zero point.
Result<ValueId> dequantized(SourceNode& node, Rewriter& r, size_t at) {
  if (!node.has_input(at) || !node.has_input(at + 1))
    return invalid_model("input {} is missing", at);
  return r.emit("DequantizeLinear",
                {node.inputs[at], node.inputs[at + 1], input_or_none(node, at + 2)});
}

// `node` becomes op(inputs) and is quantized with the scale and zero point of inputs `scale` and
// scale + 1, to the type of input `like`.
Status quantize_result(SourceNode& node, Rewriter& r, std::string op, std::vector<ValueId> inputs,
                       size_t scale, size_t like) {
  if (!node.has_input(scale)) return invalid_model("input {} is missing", scale);
  ValueId zero = input_or_none(node, scale + 1);
  if (zero == kNone) {
    FERRY_ASSIGN_OR_RETURN(const DType type, dtype_of_input(node, r, like));
    FERRY_ASSIGN_OR_RETURN(zero, r.scalar(0, type));
  }
  SourceNode quantize;
  quantize.op_type = "QuantizeLinear";
  quantize.outputs = {node.outputs.at(0)};
  node.outputs[0] = r.new_value();
  quantize.inputs = {node.outputs[0], node.inputs[scale], zero};
  r.add_after(std::move(quantize));
  node.op_type = std::move(op);
  node.domain.clear();
  node.inputs = std::move(inputs);
  return {};
}

Status binary(SourceNode& node, Rewriter& r, std::string op) {
  FERRY_ASSIGN_OR_RETURN(const ValueId a, dequantized(node, r, 0));
  FERRY_ASSIGN_OR_RETURN(const ValueId b, dequantized(node, r, 3));
  return quantize_result(node, r, std::move(op), {a, b}, 6, 0);
}
Status add(SourceNode& node, Rewriter& r) { return binary(node, r, "Add"); }
Status mul(SourceNode& node, Rewriter& r) { return binary(node, r, "Mul"); }

Status unary(SourceNode& node, Rewriter& r, std::string op) {
  FERRY_ASSIGN_OR_RETURN(const ValueId x, dequantized(node, r, 0));
  return quantize_result(node, r, std::move(op), {x}, 3, 0);
}
Status sigmoid(SourceNode& node, Rewriter& r) { return unary(node, r, "Sigmoid"); }
Status leaky_relu(SourceNode& node, Rewriter& r) { return unary(node, r, "LeakyRelu"); }

Status average_pool(SourceNode& node, Rewriter& r) { return unary(node, r, "AveragePool"); }
Status global_average_pool(SourceNode& node, Rewriter& r) {
  return unary(node, r, "GlobalAveragePool");
}

template <Rewrite rewrite>
Status either_layout(SourceNode& node, Rewriter& r) {
  const bool last = node.get_int("channels_last", 0) != 0;
  node.remove("channels_last");
  return last ? in_channels_first(node, r, rewrite) : rewrite(node, r);
}

Status softmax(SourceNode& node, Rewriter& r) {
  const int64_t axis = node.get_int("axis", -1), opset = node.get_int("opset", 13);
  const Type x = r.type(node.inputs.empty() ? kNone : node.inputs[0]);
  const bool last = axis == -1 || (x.has_rank() && axis == static_cast<int64_t>(x.rank()) - 1);
  if (opset < 13 && !last)
    return unsupported_op("QLinearSoftmax of opset {} along axis {}", opset, axis);
  node.remove("opset");
  return unary(node, r, "Softmax");
}

// Inputs: y_scale, y_zero, then (x, scale, zero) for each part.
Status concat(SourceNode& node, Rewriter& r) {
  if (node.inputs.size() < 5 || (node.inputs.size() - 2) % 3 != 0) {
    return invalid_model("has {} inputs, wanted are 2 and 3 for each part", node.inputs.size());
  }
  std::vector<ValueId> parts;
  for (size_t i = 2; i < node.inputs.size(); i += 3) {
    FERRY_ASSIGN_OR_RETURN(const ValueId part, dequantized(node, r, i));
    parts.push_back(part);
  }
  return quantize_result(node, r, "Concat", std::move(parts), 0, 2);
}

// Inputs: condition, x, x_scale, x_zero, y, y_scale, y_zero, z_scale, z_zero.
Status where(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 8));
  FERRY_ASSIGN_OR_RETURN(const ValueId x, dequantized(node, r, 1));
  FERRY_ASSIGN_OR_RETURN(const ValueId y, dequantized(node, r, 4));
  return quantize_result(node, r, "Where", {node.inputs[0], x, y}, 7, 1);
}

// Inputs: A, a_scale, a_zero, B, b_scale, b_zero, C (i32, added before the sum is scaled by alpha *
// a_scale * b_scale), y_scale, y_zero. Without y_scale the result stays real.
Status gemm(SourceNode& node, Rewriter& r) {
  FERRY_ASSIGN_OR_RETURN(const ValueId a, dequantized(node, r, 0));
  const bool columns = node.get_int("transB", 0) == 0;
  FERRY_ASSIGN_OR_RETURN(
      const ValueId b,
      r.emit("DequantizeLinear", {node.inputs.at(3), node.inputs.at(4), input_or_none(node, 5)},
             {{"axis", columns ? int64_t{1} : int64_t{0}}}));
  std::vector<ValueId> inputs = {a, b};
  if (node.has_input(6)) {
    Emitter e(r);
    const ValueId alpha = e.scalar(static_cast<double>(node.get("alpha", 1.0f)), DType::kFloat32);
    const ValueId scale = e("Mul", {e("Mul", {node.inputs[1], node.inputs[4]}), alpha});
    inputs.push_back(e("Mul", {e.cast(node.inputs[6], DType::kFloat32), scale}));
    FERRY_RETURN_IF_ERROR(e.status());
  }
  if (node.has_input(7)) return quantize_result(node, r, "Gemm", std::move(inputs), 7, 0);
  node.op_type = "Gemm";
  node.domain.clear();
  node.inputs = std::move(inputs);
  return {};
}

// Weights [directions, columns, rows] of a recurrent operator as real ones [directions, rows,
// columns]; scales and zero points are [directions] or [directions, rows].
ValueId recurrent_weights(const SourceNode& node, Rewriter& r, Emitter& e, size_t weights,
                          size_t scale) {
  const auto wide = [&](ValueId x) {
    return r.type(x).rank() == 1 ? e("Unsqueeze", {x, e.ints({1, 2})})
                                 : e("Unsqueeze", {x, e.ints({1})});
  };
  const ValueId factor = node.inputs[scale], zero = input_or_none(node, scale + 1);
  if (!r.type(factor).has_rank()) return e.fail(unsupported_op("scales of unknown rank"));
  ValueId w = e.cast(node.inputs[weights], DType::kFloat32);
  if (zero != kNone) w = e("Sub", {w, wide(e.cast(zero, DType::kFloat32))});
  return e.transpose(e("Mul", {w, wide(factor)}), {0, 2, 1});
}

// Inputs: those of LSTM, then scale and zero point of w and of r. The other operands stay real,
// which onnxruntime rounds to 8 bits.
Status lstm(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  if (!node.has_input(8) || !node.has_input(10)) return invalid_model("a scale is missing");
  Emitter e(r);
  node.inputs[1] = recurrent_weights(node, r, e, 1, 8);
  node.inputs[2] = recurrent_weights(node, r, e, 2, 10);
  node.inputs.resize(8);
  node.op_type = "LSTM";
  node.domain.clear();
  return e.status();
}

}  // namespace

void add_contrib_quantized(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.QLinearAdd", kAnyVersion, add});
  rows.push_back({"com.microsoft.QLinearMul", kAnyVersion, mul});
  rows.push_back({"com.microsoft.QLinearSigmoid", kAnyVersion, sigmoid});
  rows.push_back({"com.microsoft.QLinearLeakyRelu", kAnyVersion, leaky_relu});
  rows.push_back({"com.microsoft.QLinearAveragePool", kAnyVersion, either_layout<average_pool>});
  rows.push_back(
      {"com.microsoft.QLinearGlobalAveragePool", kAnyVersion, either_layout<global_average_pool>});
  rows.push_back({"com.microsoft.QLinearSoftmax", kAnyVersion, softmax});
  rows.push_back({"com.microsoft.QLinearConcat", kAnyVersion, concat});
  rows.push_back({"com.microsoft.QLinearWhere", kAnyVersion, where});
  rows.push_back({"com.microsoft.QGemm", kAnyVersion, gemm});
  rows.push_back({"com.microsoft.DynamicQuantizeLSTM", kAnyVersion, lstm});
}

}  // namespace ferry::onnx
