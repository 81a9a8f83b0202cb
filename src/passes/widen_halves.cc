// SPDX-License-Identifier: Apache-2.0
#include "passes/widen_halves.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "base/float16.h"
#include "ops/tensor/cast.h"
#include "passes/match.h"

namespace ferry {
namespace {

bool is_half(DType t) { return t == DType::kFloat16 || t == DType::kBFloat16; }

// With a blank before and behind each name.
constexpr std::string_view kOperators =
    " ArgMax ArgMin Attention AveragePool BatchNormalization Clip Conv ConvTranspose "
    "CumProd CumSum Einsum Equal GRU Gemm GlobalAveragePool GlobalMaxPool Greater "
    "GreaterOrEqual GridSample GroupNormalization Hardmax InstanceNormalization IsInf "
    "IsNaN LSTM LayerNormalization Less LessOrEqual LogSoftmax LpNormalization MatMul "
    "Max MaxPool Mean MeanVarianceNormalization Min Pow RMSNormalization RNN ReduceL1 "
    "ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceSum ReduceSumSquare "
    "Resize RotaryEmbedding Softmax Sum TopK ";

bool computes(const Node& n) {
  return kOperators.find(" " + std::string(n.op.def().full_name()) + " ") != std::string_view::npos;
}

Tensor widened(const Tensor& t) {
  Result<Tensor> wide = Tensor::allocate(DType::kFloat32, t.dims());
  if (!wide.ok()) return {};
  float* to = wide->data<float>();
  for (int64_t i = 0; i < t.count(); ++i) {
    to[i] = t.dtype() == DType::kFloat16 ? static_cast<float>(t.data<half>()[i])
                                         : static_cast<float>(t.data<bfloat16>()[i]);
  }
  return *std::move(wide);
}

ValueId cast(PatchBuilder& p, ValueId v, DType to) {
  Cast op;
  op.to = to;
  return p.add(make_op("Cast", op), {v});
}

std::optional<Patch> widen(const Graph& g, const Node& n, const PassOptions&) {
  if (!computes(n) || !n.bodies.empty()) return std::nullopt;
  const auto narrow = [&](ValueId v) {
    return v != kNone && g.value(v).type.is_tensor() && is_half(g.value(v).type.dtype);
  };
  if (std::none_of(n.inputs.begin(), n.inputs.end(), narrow)) return std::nullopt;
  PatchBuilder p(g);
  std::vector<ValueId> inputs = n.inputs;
  for (ValueId& v : inputs) {
    if (!narrow(v)) continue;
    const Tensor* t = constant_of(g, v);
    if (t == nullptr) {
      v = cast(p, v, DType::kFloat32);
      continue;
    }
    Tensor wide = widened(*t);
    if (!wide.defined()) return std::nullopt;
    v = p.constant(std::move(wide));
  }
  const std::vector<ValueId> results = p.add(n.op, std::move(inputs), n.outputs.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const ValueId old = n.outputs[i];
    if (old == kNone) continue;
    p.replace(old, narrow(old) ? cast(p, results[i], g.value(old).type.dtype) : results[i]);
  }
  return std::move(p).build();
}

}  // namespace

Pass widen_halves() { return {"widen_halves", {{"widen", widen}}, nullptr}; }

}  // namespace ferry
