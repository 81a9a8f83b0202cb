// SPDX-License-Identifier: Apache-2.0
// Weights quantized in blocks to 2, 4 or 8 bits, packed into bytes.
//   MatMulNBits(a, b, scales, zeros, groups, bias) => MatMul(a, Transpose(weights)) + bias
//   GatherBlockQuantized(data, indices, scales, zeros) => Gather(weights, indices)
//   MatMulBnb4(a, b, scales) => MatMul(a, Transpose(numbers[b] * scales))
// weights = DequantizeLinear(b, scales, zeros), or (b - zeros[group]) * scales[group] where zeros
// are no integers or blocks no runs.
#include <algorithm>

#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
Result<DType> packed_type(int64_t bits) {
  if (bits == 2) return DType::kUInt2;
  if (bits == 4) return DType::kUInt4;
  if (bits == 8) return DType::kUInt8;
  return unsupported_op("weights of {} bits; wanted are 2, 4 or 8", bits);
}

// Constant bytes as integers of `dims`. Each row of the last axis begins at a byte.
Result<ValueId> unpacked(Rewriter& r, ValueId bytes, DType type, Dims dims) {
  const Tensor* t = r.constant(bytes);
  if (t == nullptr || t->dtype() != DType::kUInt8) {
    return unsupported_op("weights and zero points that are no constants of u8");
  }
  const size_t last = dims.size() - 1;
  const int64_t per_byte = 8 / dtype_bits(type), columns = dims[last];
  const int64_t row_bytes = (columns + per_byte - 1) / per_byte;
  if (t->count() != dims.count(0, last) * row_bytes) {
    return shape_mismatch("{} holds no {} of {}", t->describe(), dims.to_string(),
                          dtype_name(type));
  }
  dims[last] = row_bytes * per_byte;
  const Tensor kept = *t;
  const ValueId whole = r.add_constant(
      Tensor::share(type, dims, const_cast<void*>(kept.raw()), std::make_shared<Tensor>(kept)));
  if (dims[last] == columns) return whole;
  return r.emit("Slice", {whole, r.ints({0}), r.ints({columns}), r.ints({-1})});
}

// 2^(bits - 1) everywhere.
Result<ValueId> middle(Rewriter& r, DType type, const Dims& dims) {
  FERRY_ASSIGN_OR_RETURN(Tensor t, Tensor::allocate(type, dims));
  const int bits = dtype_bits(type);
  const int byte = bits == 2 ? 0xAA : bits == 4 ? 0x88 : 0x80;
  std::fill_n(static_cast<uint8_t*>(t.raw()), t.size_bytes(), static_cast<uint8_t>(byte));
  return r.add_constant(std::move(t));
}

namespace {

struct Blocks {
  DType type;
  int64_t n, k, block;
  int64_t count() const { return k / block + (k % block != 0 ? 1 : 0); }  // per row
};

Result<Blocks> blocks_of(const SourceNode& node) {
  FERRY_ASSIGN_OR_RETURN(const DType type, packed_type(node.get_int("bits", 4)));
  const Blocks b{type, node.get_int("N", 0), node.get_int("K", 0), node.get_int("block_size", 0)};
  constexpr int64_t kMost = INT32_MAX;
  if (b.k < 1 || b.n < 1 || b.block < 1 || b.k > kMost || b.n > kMost || b.block > kMost ||
      b.block * dtype_bits(type) % 8 != 0) {
    return unsupported_op("K = {}, N = {}, block_size = {}", b.k, b.n, b.block);
  }
  return b;
}

// (q - zeros[group]) * scales[group], q [n, k], with one group per column.
Result<ValueId> grouped(Rewriter& r, const Blocks& b, ValueId q, ValueId scales, ValueId zeros,
                        ValueId groups, DType type) {
  Emitter e(r);
  const ValueId one = e.scalar(1, type);
  if (r.type(zeros).dtype == b.type) zeros = e("DequantizeLinear", {zeros, one});
  if (groups == kNone) {
    std::vector<int64_t> group(static_cast<size_t>(b.k));
    for (size_t i = 0; i < group.size(); ++i) group[i] = static_cast<int64_t>(i) / b.block;
    groups = r.ints(group);
  }
  const ValueId number = e("DequantizeLinear", {q, one});
  const ValueId shifted = e("Sub", {number, e("Gather", {zeros, groups}, {{"axis", 1}})});
  const ValueId weights = e("Mul", {shifted, e("Gather", {scales, groups}, {{"axis", 1}})});
  FERRY_RETURN_IF_ERROR(e.status());
  return weights;
}

Result<ValueId> weights_of(const SourceNode& node, Rewriter& r, const Blocks& b) {
  FERRY_ASSIGN_OR_RETURN(ValueId q,
                         unpacked(r, node.inputs[1], b.type, {b.n, b.count() * b.block}));
  if (b.k % b.block != 0) {
    FERRY_ASSIGN_OR_RETURN(q, r.emit("Slice", {q, r.ints({0}), r.ints({b.k}), r.ints({1})}));
  }
  const ValueId shape = r.ints({b.n, b.count()});
  FERRY_ASSIGN_OR_RETURN(const ValueId scales, r.emit("Reshape", {node.inputs[2], shape}));
  ValueId zeros = input_or_none(node, 3);
  const bool real = zeros != kNone && r.type(zeros).dtype != DType::kUInt8;
  if (zeros == kNone) {
    FERRY_ASSIGN_OR_RETURN(zeros, middle(r, b.type, {b.n, b.count()}));
  } else if (real) {
    FERRY_ASSIGN_OR_RETURN(zeros, r.emit("Reshape", {zeros, shape}));
  } else {
    FERRY_ASSIGN_OR_RETURN(zeros, unpacked(r, zeros, b.type, {b.n, b.count()}));
  }
  if (real || node.has_input(4)) {
    FERRY_ASSIGN_OR_RETURN(const DType type, dtype_of_input(node, r, 2));
    return grouped(r, b, q, scales, zeros, input_or_none(node, 4), type);
  }
  return r.emit("DequantizeLinear", {q, scales, zeros},
                {{"axis", int64_t{1}}, {"block_size", b.block}});
}

Status matmul_n_bits(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  FERRY_ASSIGN_OR_RETURN(const Blocks b, blocks_of(node));
  FERRY_ASSIGN_OR_RETURN(const ValueId weights, weights_of(node, r, b));
  Emitter e(r);
  const ValueId columns = e.transpose(weights, {1, 0});
  if (node.has_input(5)) {
    become(node, "Add", {e("MatMul", {node.inputs[0], columns}), node.inputs[5]});
  } else {
    become(node, "MatMul", {node.inputs[0], columns});
  }
  return e.status();
}

// `data` and its zero points: integers of 4 bits, or of 4 or 8 bits in bytes around 2^(bits - 1).
Status gather_block_quantized(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  const int64_t block = node.get_int("block_size", 128), axis = node.get_int("gather_axis", 0);
  const int64_t quantized = node.get_int("quantize_axis", 1);
  ValueId data = node.inputs[0], zeros = input_or_none(node, 3);
  FERRY_ASSIGN_OR_RETURN(const DType stored, dtype_of_input(node, r, 0));
  if (stored == DType::kUInt8) {
    FERRY_ASSIGN_OR_RETURN(const DType type, packed_type(node.get_int("bits", 4)));
    const Tensor *bytes = r.constant(data), *scales = r.constant(node.inputs[2]);
    if (bytes == nullptr || scales == nullptr || bytes->rank() == 0) {
      return unsupported_op("data and scales that are no constants");
    }
    const Dims blocks = scales->dims();
    Dims dims = bytes->dims();
    dims[dims.size() - 1] *= 8 / dtype_bits(type);
    FERRY_ASSIGN_OR_RETURN(data, unpacked(r, data, type, dims));
    FERRY_ASSIGN_OR_RETURN(
        zeros, zeros == kNone ? middle(r, type, blocks) : unpacked(r, zeros, type, blocks));
  }
  FERRY_ASSIGN_OR_RETURN(const ValueId weights,
                         r.emit("DequantizeLinear", {data, node.inputs[2], zeros},
                                {{"axis", quantized}, {"block_size", block}}));
  become(node, "Gather", {weights, node.inputs[1]});
  node.set("axis", axis);
  return {};
}

// The numbers of 4 bits of bitsandbytes: fractions with a sign, or quantiles of the normal
// distribution (Dettmers and others, QLoRA, appendix E).
constexpr float kFp4[16] = {0.0f,      0.005208333f, 2.0f / 3,  1.0f,          1.0f / 3,  0.5f,
                            1.0f / 6,  0.25f,        -0.0f,     -0.005208333f, -2.0f / 3, -1.0f,
                            -1.0f / 3, -0.5f,        -1.0f / 6, -0.25f};
constexpr float kNf4[16] = {-1.0f,
                            -0.6961928009986877f,
                            -0.5250730514526367f,
                            -0.39491748809814453f,
                            -0.28444138169288635f,
                            -0.18477343022823334f,
                            -0.09105003625154495f,
                            0.0f,
                            0.07958029955625534f,
                            0.16093020141124725f,
                            0.24611230194568634f,
                            0.33791524171829224f,
                            0.44070982933044434f,
                            0.5626170039176941f,
                            0.7229568362236023f,
                            1.0f};

// Row i: the two numbers of byte i, of which the upper half comes first.
Result<ValueId> numbers_of_bytes(Rewriter& r, const float (&numbers)[16]) {
  FERRY_ASSIGN_OR_RETURN(Tensor t, Tensor::allocate(DType::kFloat32, {256, 2}));
  for (size_t i = 0; i < 256; ++i) {
    t.data<float>()[2 * i] = numbers[i / 16];
    t.data<float>()[2 * i + 1] = numbers[i % 16];
  }
  return r.add_constant(std::move(t));
}

Status matmul_bnb4(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  const int64_t kind = node.get_int("quant_type", 1);
  FERRY_ASSIGN_OR_RETURN(const Blocks b, blocks_of(node));
  if (kind != 0 && kind != 1) return unsupported_op("quant_type {}; wanted is 0 or 1", kind);
  if (node.get_int("transB", 1) != 1) return unsupported_op("transB = 0");
  if (b.n * b.k % b.block != 0) return unsupported_op("a last block that is not full");
  FERRY_ASSIGN_OR_RETURN(const DType type, dtype_of_input(node, r, 0));
  FERRY_ASSIGN_OR_RETURN(const ValueId table, numbers_of_bytes(r, kind == 0 ? kFp4 : kNf4));
  Emitter e(r);
  const ValueId numbers = e("Gather", {e.cast(table, type), e.cast(node.inputs[1], DType::kInt32)});
  const ValueId blocks = e("Reshape", {numbers, e.ints({-1, b.block})});
  const ValueId scaled = e("Mul", {blocks, e("Reshape", {node.inputs[2], e.ints({-1, 1})})});
  const ValueId weights = e("Reshape", {scaled, e.ints({b.n, b.k})});
  become(node, "MatMul", {node.inputs[0], e.transpose(weights, {1, 0})});
  return e.status();
}

}  // namespace

void add_contrib_blockwise(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.MatMulBnb4", kAnyVersion, matmul_bnb4});
  rows.push_back({"com.microsoft.MatMulNBits", kAnyVersion, matmul_n_bits});
  rows.push_back({"com.microsoft.GatherBlockQuantized", kAnyVersion, gather_block_quantized});
}

}  // namespace ferry::onnx
