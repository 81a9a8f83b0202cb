// SPDX-License-Identifier: Apache-2.0
#include "passes/fuse_quantization.h"

#include "ops/quantization/dequantize_linear.h"
#include "ops/quantization/quantize_linear.h"
#include "passes/match.h"

namespace ferry {
namespace {

// The number of a constant scalar, or of [1].
std::optional<double> single(const Graph& g, ValueId v) {
  const Tensor* t = constant_of(g, v);
  return t != nullptr && t->count() == 1 && t->rank() <= 1 ? uniform_constant(g, v) : std::nullopt;
}

// Whether q's integers are taken off again by d: the same scale and zero point.
bool is_inverse(const Graph& g, const Node& q, const Node& d) {
  for (size_t i : {1, 2}) {
    const ValueId a = input(q, i), b = input(d, i);
    if (a == b) continue;
    if (a == kNone || b == kNone || single(g, a) != single(g, b)) return false;
  }
  return true;
}

bool is_f32(const Graph& g, ValueId v) { return g.value(v).type.dtype == DType::kFloat32; }

std::optional<Patch> fake_quantize(const Graph& g, const Node& n, const PassOptions&) {
  const auto* dequantize = n.op.as<DequantizeLinear>();
  const Node* q = dequantize != nullptr ? producer_as<QuantizeLinear>(g, input(n, 0)) : nullptr;
  if (q == nullptr || dequantize->block_size != 0) return std::nullopt;
  const auto& quantize = *q->op.as<QuantizeLinear>();
  const bool divides_f32 =
      quantize.precision == 0 || quantize.precision == static_cast<int64_t>(DType::kFloat32);
  const ValueId x = q->inputs[0];
  if (quantize.block_size != 0 || !divides_f32 || !is_f32(g, x) || !is_f32(g, n.outputs[0]) ||
      !is_f32(g, q->inputs[1]) || !is_inverse(g, *q, n)) {
    return std::nullopt;
  }
  const DType type = g.value(q->outputs[0]).type.dtype;
  if (type != DType::kUInt8 && type != DType::kInt8) return std::nullopt;
  const auto scale = single(g, q->inputs[1]);
  const ValueId zero_point = input(*q, 2);
  const auto zero = zero_point == kNone ? std::optional(0.0) : single(g, zero_point);
  if (!scale || !zero) return std::nullopt;
  Unary fake = *make_op("ferry.FakeQuantize").as<Unary>();
  fake.alpha = static_cast<float>(*scale);
  fake.beta = static_cast<float>((type == DType::kInt8 ? -128 : 0) - *zero);
  PatchBuilder p(g);
  p.replace(n.outputs[0], p.add(make_op("ferry.FakeQuantize", fake), {x}));
  p.inherit(g.value(q->outputs[0]).producer);
  return std::move(p).build();
}

}  // namespace

Pass fuse_quantization() { return {"fuse_quantization", {{"fake_quantize", fake_quantize}}, {}}; }

}  // namespace ferry
