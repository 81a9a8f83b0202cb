// SPDX-License-Identifier: Apache-2.0
#include "passes/fuse_conv_bn.h"

#include <algorithm>
#include <cmath>

#include "ops/math/gemm.h"
#include "ops/math/matmul.h"
#include "ops/nn/batch_normalization.h"
#include "ops/nn/conv.h"
#include "ops/nn/conv_transpose.h"
#include "ops/nn/pool.h"
#include "ops/tensor/pad.h"
#include "passes/match.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

using Numbers = std::vector<double>;

// y[channel] = x[channel] * scale + shift
struct Affine {
  ValueId x = kNone;
  bool scales = true;  // false: scale is all ones
  Numbers scale, shift;
};

// A constant that differs along `axis` of a value of rank `rank` only, one number per channel.
std::optional<Numbers> per_channel(const Graph& g, ValueId v, size_t rank, size_t axis,
                                   int64_t channels) {
  const Tensor* t = constant_of(g, v);
  if (t == nullptr || t->rank() > rank || !is_floating(t->dtype())) return std::nullopt;
  for (size_t a = 0; a < t->rank(); ++a) {
    const bool is_channel = a + rank - t->rank() == axis;
    if (t->dim(a) != 1 && !(is_channel && t->dim(a) == channels)) return std::nullopt;
  }
  auto numbers = constant_numbers(g, v);
  if (!numbers || numbers->empty()) return std::nullopt;
  if (numbers->size() == 1) numbers->resize(static_cast<size_t>(channels), numbers->front());
  return numbers;
}

bool others_unused(const Graph& g, const Node& n) {
  return std::all_of(n.outputs.begin() + 1, n.outputs.end(), [&](ValueId v) {
    return v == kNone || (g.value(v).users.empty() && !g.is_output(v));
  });
}

std::optional<Affine> normalization(const Graph& g, const Node& n, size_t axis, int64_t channels) {
  const auto* op = n.op.as<BatchNormalization>();
  if (op->training_mode || axis != 1 || !others_unused(g, n)) return std::nullopt;
  std::vector<Numbers> p;
  for (size_t i = 1; i < 5; ++i) {
    auto numbers = per_channel(g, n.inputs[i], 1, 0, channels);
    if (!numbers) return std::nullopt;
    p.push_back(*std::move(numbers));
  }
  Affine a{n.inputs[0], true, p[0], p[1]};
  for (size_t c = 0; c < a.scale.size(); ++c) {
    a.scale[c] /= std::sqrt(p[3][c] + static_cast<double>(op->epsilon));
    a.shift[c] -= p[2][c] * a.scale[c];
  }
  return a;
}

std::optional<Affine> arithmetic(const Graph& g, const Node& n, size_t rank, size_t axis,
                                 int64_t channels) {
  const BinaryKind kind = n.op.as<Binary>()->kind;
  const auto count = static_cast<size_t>(channels);
  for (size_t i = 0; i < 2; ++i) {
    const auto c = per_channel(g, n.inputs[i], rank, axis, channels);
    if (!c) continue;
    Affine a{n.inputs[1 - i], true, Numbers(count, 1), Numbers(count, 0)};
    const bool left = i == 0;
    switch (kind) {
      case BinaryKind::kMul:
        a.scale = *c;
        return a;
      case BinaryKind::kDiv:
        if (left) return std::nullopt;
        for (size_t k = 0; k < count; ++k) a.scale[k] = 1 / (*c)[k];
        return a;
      case BinaryKind::kAdd:
        a.shift = *c, a.scales = false;
        return a;
      case BinaryKind::kSub:
        a.scales = left;
        for (size_t k = 0; k < count; ++k) {
          a.scale[k] = left ? -1 : 1;
          a.shift[k] = left ? (*c)[k] : -(*c)[k];
        }
        return a;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

size_t channel_axis(const Node& n, size_t rank) {
  if (const auto* c = n.op.as<Conv>()) return c->channels_last ? rank - 1 : 1;
  if (const auto* c = n.op.as<ConvTranspose>()) return c->channels_last ? rank - 1 : 1;
  return rank - 1;
}

// Output channels of weights in the order of their elements: `blocks` times over, the `channels`
// of the same group, with `inner` elements each.
struct ChannelOrder {
  int64_t blocks = 1, blocks_per_group = 1, channels = 1, inner = 1;
};

ChannelOrder channel_order(const Node& n, const Tensor& w) {
  const auto inner = [&](size_t from) { return w.dims().count(from, w.rank()); };
  if (n.op.as<Conv>()) return {1, 1, w.dim(0), inner(1)};
  if (const auto* t = n.op.as<ConvTranspose>()) {
    return {w.dim(0), w.dim(0) / t->group, w.dim(1), inner(2)};
  }
  const auto* gemm = n.op.as<Gemm>();
  if (gemm != nullptr && gemm->trans_b) return {1, 1, w.dim(0), inner(1)};
  return {w.dim(0), w.dim(0), w.dim(1), 1};
}

// The weights times the scale of their output channel; undefined when memory is exhausted.
Tensor scale_weights(const Tensor& w, const ChannelOrder& order, const Numbers& scale,
                     MemoryBudget* budget) {
  Result<Tensor> scaled = Tensor::allocate(w.dtype(), w.dims(), budget);
  if (!scaled.ok()) return {};
  const Status s = visit_floating(w.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    const T* from = w.data<T>();
    T* to = scaled->data<T>();
    for (int64_t b = 0; b < order.blocks; ++b) {
      const double* factors = scale.data() + b / order.blocks_per_group * order.channels;
      for (int64_t c = 0; c < order.channels; ++c) {
        for (int64_t i = 0; i < order.inner; ++i, ++from, ++to) {
          const auto x = static_cast<double>(static_cast<compute_t<T>>(*from));
          *to = static_cast<T>(static_cast<compute_t<T>>(x * factors[c]));
        }
      }
    }
    return {};
  });
  return s.ok() ? *std::move(scaled) : Tensor();
}

bool is_product(const Node& n) {
  return n.op.as<Conv>() || n.op.as<ConvTranspose>() || n.op.as<Gemm>() || n.op.as<MatMul>();
}

// The node that makes the value which `n` scales or shifts; nullptr unless it can absorb that.
const Node* absorbing(const Graph& g, const Node& n) {
  for (size_t i = 0; i < std::min<size_t>(2, n.inputs.size()); ++i) {
    const Node* p = n.inputs[i] == kNone ? nullptr : g.producer(n.inputs[i]);
    if (p == nullptr || !is_product(*p) || !g.has_single_use(n.inputs[i])) continue;
    const Tensor* w = constant_of(g, p->inputs[1]);
    const Type& y = g.value(n.inputs[i]).type;
    if (w == nullptr || (p->op.as<MatMul>() && w->rank() != 2)) continue;
    if (w->dtype() != DType::kFloat32 && w->dtype() != DType::kFloat64) continue;
    if (y.has_rank() && y.rank() >= 2 && same_type(g, n.inputs[i], n.outputs[0])) return p;
  }
  return nullptr;
}

Numbers times(Numbers a, const Numbers& b, double factor = 1) {
  for (size_t i = 0; i < a.size(); ++i) a[i] *= b[i] * factor;
  return a;
}

std::optional<Patch> fold_affine(const Graph& g, const Node& n, const PassOptions& options) {
  const bool is_norm = n.op.as<BatchNormalization>() != nullptr;
  if (!is_norm && n.op.as<Binary>() == nullptr) return std::nullopt;
  const Node* p = absorbing(g, n);
  if (p == nullptr) return std::nullopt;
  const Shape& shape = *g.value(p->outputs[0]).type.shape;
  const size_t rank = shape.size(), axis = channel_axis(*p, rank);
  if (!shape[axis].is_constant() || shape[axis].constant() <= 0) return std::nullopt;
  const int64_t channels = shape[axis].constant();
  const auto affine =
      is_norm ? normalization(g, n, axis, channels) : arithmetic(g, n, rank, axis, channels);
  if (!affine || affine->x != p->outputs[0]) return std::nullopt;
  const auto finite = [](double v) { return std::isfinite(v); };
  if (!std::all_of(affine->scale.begin(), affine->scale.end(), finite) ||
      !std::all_of(affine->shift.begin(), affine->shift.end(), finite)) {
    return std::nullopt;
  }
  const bool shifts =
      std::any_of(affine->shift.begin(), affine->shift.end(), [](double v) { return v != 0; });
  const bool matmul = p->op.as<MatMul>() != nullptr;
  if (matmul && shifts) return std::nullopt;

  PatchBuilder patch(g);
  const Tensor& w = *constant_of(g, p->inputs[1]);
  const auto* transposed = p->op.as<ConvTranspose>();
  if (transposed != nullptr && w.dim(0) % transposed->group != 0) return std::nullopt;
  std::vector<ValueId> inputs = p->inputs;
  Op op = p->op;
  if (affine->scales) {
    Tensor scaled = scale_weights(w, channel_order(*p, w), affine->scale, options.budget);
    if (!scaled.defined()) return std::nullopt;
    inputs[1] = patch.constant(std::move(scaled));
  }
  const bool biased = input(*p, 2) != kNone;
  if (!matmul && (biased || shifts)) {
    double beta = 1;
    if (const auto* gemm = p->op.as<Gemm>()) {
      beta = static_cast<double>(gemm->beta);
      Gemm changed = *gemm;
      changed.beta = 1;
      op = make_op("Gemm", changed);
    }
    Numbers bias = affine->shift;
    if (biased) {
      const bool gemm = p->op.as<Gemm>() != nullptr;
      const auto b = per_channel(g, p->inputs[2], gemm ? 2 : 1, gemm ? 1 : 0, channels);
      if (!b) return std::nullopt;
      const Numbers scaled = times(*b, affine->scale, beta);
      for (size_t c = 0; c < bias.size(); ++c) bias[c] += scaled[c];
    }
    Tensor t = make_floats(w.dtype(), Dims{channels}, bias);
    if (!t.defined()) return std::nullopt;
    inputs.resize(3, kNone);
    inputs[2] = patch.constant(std::move(t));
  }
  patch.inherit(g.value(p->outputs[0]).producer);
  patch.replace(n.outputs[0], patch.add(std::move(op), inputs));
  return std::move(patch).build();
}

std::optional<Patch> matmul_add(const Graph& g, const Node& n, const PassOptions&) {
  if (!is_binary(n, BinaryKind::kAdd)) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    const Node* m = producer_as<MatMul>(g, n.inputs[i]);
    const Tensor* bias = constant_of(g, n.inputs[1 - i]);
    if (m == nullptr || bias == nullptr || !g.has_single_use(n.inputs[i])) continue;
    const Type &a = g.value(m->inputs[0]).type, &b = g.value(m->inputs[1]).type;
    if (!a.has_rank() || !b.has_rank() || a.rank() != 2 || b.rank() != 2) continue;
    if (bias->rank() > 2 || !is_floating(bias->dtype()) ||
        !same_type(g, n.inputs[i], n.outputs[0])) {
      continue;
    }
    PatchBuilder p(g);
    p.inherit(g.value(n.inputs[i]).producer);
    p.replace(n.outputs[0], p.add(make_op("Gemm"), {m->inputs[0], m->inputs[1], n.inputs[1 - i]}));
    return std::move(p).build();
  }
  return std::nullopt;
}

// The spatial pads (begins, then ends) of a Pad with zeros; nullopt for any other.
std::optional<std::vector<int64_t>> zero_pads(const Graph& g, const Node& n, size_t first,
                                              size_t past) {
  const auto* op = n.op.as<Pad>();
  if (op == nullptr || op->mode != "constant") return std::nullopt;
  const auto pads = constant_ints(g, n.inputs[1]);
  const size_t rank = g.value(n.inputs[0]).type.has_rank() ? g.value(n.inputs[0]).type.rank() : 0;
  if (!pads || rank == 0) return std::nullopt;
  if (input(n, 2) != kNone) {
    const auto value = uniform_constant(g, n.inputs[2]);
    if (!value || *value != 0) return std::nullopt;
  }
  std::vector<int64_t> axes;
  for (size_t a = 0; a < rank; ++a) axes.push_back(static_cast<int64_t>(a));
  if (input(n, 3) != kNone) {
    const auto given = constant_ints(g, n.inputs[3]);
    if (!given) return std::nullopt;
    axes = *given;
  }
  if (pads->size() != 2 * axes.size()) return std::nullopt;
  std::vector<int64_t> spatial(2 * (past - first), 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t a = normal_axis(axes[i], rank);
    const int64_t begin = (*pads)[i], end = (*pads)[axes.size() + i];
    if (begin < 0 || end < 0) return std::nullopt;
    if (a >= first && a < past) {
      spatial[a - first] = begin;
      spatial[past - first + a - first] = end;
    } else if (begin != 0 || end != 0) {
      return std::nullopt;
    }
  }
  return spatial;
}

template <class T>
std::optional<Patch> absorb_pad(const Graph& g, const Node& n) {
  T op = *n.op.as<T>();
  const Node* pad = producer_as<Pad>(g, n.inputs[0]);
  const Type& x = g.value(n.inputs[0]).type;
  if (pad == nullptr || !x.has_rank() || x.rank() < 3) return std::nullopt;
  if (op.auto_pad != "NOTSET" && op.auto_pad != "VALID") return std::nullopt;
  const size_t first = op.channels_last ? 1 : 2, past = first + x.rank() - 2;
  const auto more = zero_pads(g, *pad, first, past);
  if (!more) return std::nullopt;
  if (op.auto_pad == "VALID") op.pads.clear();
  op.auto_pad = "NOTSET";
  op.pads.resize(more->size(), 0);
  for (size_t i = 0; i < more->size(); ++i) op.pads[i] += (*more)[i];
  if constexpr (requires { op.count_include_pad; }) {
    // Positions beyond the padding count in no window without ceil_mode.
    const bool own_pads = op.pads != *more;
    if (op.kind != PoolKind::kAverage || op.ceil_mode || (own_pads && !op.count_include_pad)) {
      return std::nullopt;
    }
    for (size_t a = 0; a < op.kernel_shape.size(); ++a) {
      if (op.pads[a] >= op.kernel_shape[a]) return std::nullopt;
      if (op.pads[op.kernel_shape.size() + a] >= op.kernel_shape[a]) return std::nullopt;
    }
    op.count_include_pad = true;
  }
  PatchBuilder p(g);
  std::vector<ValueId> inputs = n.inputs;
  inputs[0] = pad->inputs[0];
  p.inherit(g.value(n.inputs[0]).producer);
  p.replace(n.outputs[0], p.add(make_op(n.op.def().full_name(), op), inputs));
  return std::move(p).build();
}

std::optional<Patch> pad_into_window(const Graph& g, const Node& n, const PassOptions&) {
  if (n.op.as<Conv>()) return absorb_pad<Conv>(g, n);
  if (n.op.as<Pool>() && n.outputs.size() == 1) return absorb_pad<Pool>(g, n);
  return std::nullopt;
}

}  // namespace

Pass fuse_conv_bn() { return {"fuse_conv_bn", {{"fold_affine", fold_affine}}, nullptr}; }

Pass fuse_pad_conv() { return {"fuse_pad_conv", {{"pad_into_window", pad_into_window}}, nullptr}; }

Pass fuse_matmul_add() { return {"fuse_matmul_add", {{"matmul_add", matmul_add}}, nullptr}; }

}  // namespace ferry
