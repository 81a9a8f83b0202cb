// SPDX-License-Identifier: Apache-2.0
#include "passes/fuse_normalization.h"

#include <algorithm>

#include "ops/nn/layer_normalization.h"
#include "ops/nn/softmax.h"
#include "ops/reduction/reduce.h"
#include "passes/match.h"

namespace ferry {
namespace {

// A reduction that keeps its axes: of what, over which axes (sorted, in [0, rank)).
struct Reduced {
  ValueId x = kNone;
  std::vector<size_t> axes;
};

std::optional<Reduced> reduced(const Graph& g, ValueId v, ReduceKind kind) {
  const Node* n = producer_as<Reduce>(g, v);
  if (n == nullptr) return std::nullopt;
  const auto* op = n->op.as<Reduce>();
  const Type& x = g.value(n->inputs[0]).type;
  if (op->kind != kind || !op->keepdims || !x.has_rank()) return std::nullopt;
  Reduced r{n->inputs[0], {}};
  if (input(*n, 1) == kNone) {
    if (op->noop_with_empty_axes) return std::nullopt;
    for (size_t a = 0; a < x.rank(); ++a) r.axes.push_back(a);
    return r;
  }
  const auto axes = constant_ints(g, n->inputs[1]);
  if (!axes || axes->empty()) return std::nullopt;
  for (int64_t a : *axes) r.axes.push_back(normal_axis(a, x.rank()));
  std::sort(r.axes.begin(), r.axes.end());
  return r;
}

// The value whose square `v` is, or kNone.
ValueId squared(const Graph& g, ValueId v) {
  if (const Node* n = binary_producer(g, v, BinaryKind::kMul)) {
    return n->inputs[0] == n->inputs[1] ? n->inputs[0] : kNone;
  }
  const Node* n = binary_producer(g, v, BinaryKind::kPow);
  return n != nullptr && is_constant_near(g, n->inputs[1], 2) ? n->inputs[0] : kNone;
}

// The value under the root `v`, or kNone.
ValueId under_root(const Graph& g, ValueId v) {
  if (const Node* n = unary_producer(g, v, UnaryKind::kSqrt)) return n->inputs[0];
  const Node* n = binary_producer(g, v, BinaryKind::kPow);
  return n != nullptr && is_constant_near(g, n->inputs[1], 0.5) ? n->inputs[0] : kNone;
}

// The value v of 1 / sqrt(v), or kNone.
ValueId under_inverse_root(const Graph& g, ValueId v) {
  if (const Node* n = unary_producer(g, v, UnaryKind::kReciprocal)) {
    return under_root(g, n->inputs[0]);
  }
  if (const Node* n = unary_producer(g, v, UnaryKind::kSqrt)) {
    const Node* inner = unary_producer(g, n->inputs[0], UnaryKind::kReciprocal);
    return inner == nullptr ? kNone : inner->inputs[0];
  }
  if (const Node* n = binary_producer(g, v, BinaryKind::kDiv)) {
    return is_constant_near(g, n->inputs[0], 1) ? under_root(g, n->inputs[1]) : kNone;
  }
  const Node* n = binary_producer(g, v, BinaryKind::kPow);
  return n != nullptr && is_constant_near(g, n->inputs[1], -0.5) ? n->inputs[0] : kNone;
}

// n computes d / sqrt(s): (d, s) in every reading.
std::vector<std::pair<ValueId, ValueId>> quotients(const Graph& g, const Node& n) {
  std::vector<std::pair<ValueId, ValueId>> found;
  const auto add = [&](ValueId d, ValueId s) {
    if (s != kNone) found.emplace_back(d, s);
  };
  if (is_binary(n, BinaryKind::kDiv)) add(n.inputs[0], under_root(g, n.inputs[1]));
  if (is_binary(n, BinaryKind::kMul)) {
    add(n.inputs[0], under_inverse_root(g, n.inputs[1]));
    add(n.inputs[1], under_inverse_root(g, n.inputs[0]));
  }
  return found;
}

// s = mean(d d) + epsilon: the epsilon and the mean.
struct Variance {
  double epsilon;
  Reduced mean;
};

std::optional<Variance> variance_of(const Graph& g, ValueId s, ValueId d) {
  const Node* plus = binary_producer(g, s, BinaryKind::kAdd);
  if (plus == nullptr) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    const Tensor* c = constant_of(g, plus->inputs[i]);
    const auto epsilon = uniform_constant(g, plus->inputs[i]);
    auto mean = reduced(g, plus->inputs[1 - i], ReduceKind::kMean);
    if (!epsilon || c->count() != 1 || *epsilon < 0 || !mean) continue;
    if (squared(g, mean->x) == d) return Variance{*epsilon, *std::move(mean)};
  }
  return std::nullopt;
}

// The constant dims [axes[0], rank); nullopt unless `axes` are exactly those.
std::optional<Dims> trailing_dims(const Type& x, const std::vector<size_t>& axes) {
  Dims dims;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] != x.rank() - axes.size() + i || !(*x.shape)[axes[i]].is_constant()) {
      return std::nullopt;
    }
    dims.push_back((*x.shape)[axes[i]].constant());
  }
  return dims;
}

std::optional<Patch> normalization(const Graph& g, const Node& n, const PassOptions&) {
  for (const auto& [d, s] : quotients(g, n)) {
    const auto variance = variance_of(g, s, d);
    if (!variance || !same_type(g, d, n.outputs[0])) continue;
    const Type& type = g.value(d).type;
    const auto dims = trailing_dims(type, variance->mean.axes);
    if (!dims || dims->count() > (1 << 20)) continue;
    Tensor ones =
        make_floats(type.dtype, *dims, std::vector<double>(static_cast<size_t>(dims->count()), 1));
    if (!ones.defined()) continue;
    const int64_t axis = -static_cast<int64_t>(dims->size());
    const auto epsilon = static_cast<float>(variance->epsilon);
    // The attribute is a float: in double precision it must hold the number.
    if (type.dtype == DType::kFloat64 && epsilon != variance->epsilon) continue;
    PatchBuilder p(g);
    const Node* centred = binary_producer(g, d, BinaryKind::kSub);
    const auto mean =
        centred == nullptr ? std::nullopt : reduced(g, centred->inputs[1], ReduceKind::kMean);
    if (mean && mean->x == centred->inputs[0] && mean->axes == variance->mean.axes) {
      LayerNormalization op;
      op.axis = axis;
      op.epsilon = epsilon;
      p.replace(n.outputs[0],
                p.add(make_op("LayerNormalization", op), {mean->x, p.constant(std::move(ones))}));
    } else {
      RMSNormalization op;
      op.axis = axis;
      op.epsilon = epsilon;
      p.replace(n.outputs[0],
                p.add(make_op("RMSNormalization", op), {d, p.constant(std::move(ones))}));
    }
    return std::move(p).build();
  }
  return std::nullopt;
}

// `v` as a constant of exactly the dims of the scale of `norm`, leading ones dropped.
std::optional<Tensor> parameter(const Graph& g, ValueId v, const Node& norm) {
  const Tensor* t = constant_of(g, v);
  const Tensor* scale = constant_of(g, norm.inputs[1]);
  if (t == nullptr || scale == nullptr || t->dtype() != scale->dtype()) return std::nullopt;
  size_t extra = 0;
  while (t->rank() - extra > scale->rank() && t->dim(extra) == 1) ++extra;
  Dims dims;
  for (size_t a = extra; a < t->rank(); ++a) dims.push_back(t->dim(a));
  if (!(dims == scale->dims())) return std::nullopt;
  return t->reshaped(dims);
}

bool is_normalization(const Node& n) {
  return n.outputs.size() == 1 && (n.op.as<LayerNormalization>() || n.op.as<RMSNormalization>());
}

// norm * constant ⇒ its scale, where the scale is ones; norm + constant ⇒ its bias.
std::optional<Patch> parameters(const Graph& g, const Node& n, const PassOptions&) {
  const bool scales = is_binary(n, BinaryKind::kMul);
  if (!scales && !is_binary(n, BinaryKind::kAdd)) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    const Node* norm = n.inputs[i] == kNone ? nullptr : g.producer(n.inputs[i]);
    if (norm == nullptr || !is_normalization(*norm) || !g.has_single_use(n.inputs[i])) continue;
    if (input(*norm, 2) != kNone || !same_type(g, n.inputs[i], n.outputs[0])) continue;
    const auto t = parameter(g, n.inputs[1 - i], *norm);
    if (!t) continue;
    std::vector<ValueId> inputs = norm->inputs;
    PatchBuilder p(g);
    if (scales) {
      const auto ones = uniform_constant(g, inputs[1]);
      if (!ones || *ones != 1) continue;
      inputs[1] = p.constant(*t);
    } else {
      if (norm->op.as<LayerNormalization>() == nullptr) continue;
      inputs.resize(3, kNone);
      inputs[2] = p.constant(*t);
    }
    p.inherit(g.value(n.inputs[i]).producer);
    p.replace(n.outputs[0], p.add(norm->op, inputs));
    return std::move(p).build();
  }
  return std::nullopt;
}

std::optional<Patch> softmax(const Graph& g, const Node& n, const PassOptions&) {
  const bool division = is_binary(n, BinaryKind::kDiv);
  if (!division && !is_binary(n, BinaryKind::kMul)) return std::nullopt;
  for (size_t i = 0; i < (division ? 1u : 2u); ++i) {
    ValueId below = n.inputs[1 - i];
    if (!division) {
      const Node* r = unary_producer(g, below, UnaryKind::kReciprocal);
      if (r == nullptr) continue;
      below = r->inputs[0];
    }
    const Node* exp = unary_producer(g, n.inputs[i], UnaryKind::kExp);
    const auto total = reduced(g, below, ReduceKind::kSum);
    if (exp == nullptr || !total || total->x != n.inputs[i] || total->axes.size() != 1) continue;
    const Node* shifted = binary_producer(g, exp->inputs[0], BinaryKind::kSub);
    if (shifted == nullptr) continue;
    const auto top = reduced(g, shifted->inputs[1], ReduceKind::kMax);
    if (!top || top->x != shifted->inputs[0] || top->axes != total->axes) continue;
    PatchBuilder p(g);
    p.replace(n.outputs[0],
              p.add(make_op("Softmax", Softmax{static_cast<int64_t>(top->axes[0])}), {top->x}));
    return std::move(p).build();
  }
  return std::nullopt;
}

}  // namespace

Pass fuse_normalization() {
  return {"fuse_normalization",
          {{"normalization", normalization}, {"parameters", parameters}, {"softmax", softmax}},
          nullptr};
}

}  // namespace ferry
