// SPDX-License-Identifier: Apache-2.0
#include "passes/fuse_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/logical/where.h"
#include "ops/math/matmul.h"
#include "ops/nn/attention.h"
#include "ops/nn/softmax.h"
#include "ops/tensor/reshape.h"
#include "passes/moves.h"
#include "passes/permutation.h"
#include "tensor/int_contents.h"

namespace ferry {
namespace {

const Permutation kHeadsOutside = {0, 2, 1, 3};  // its own inverse

// Added to any score of use, this gives itself: as good as -infinity unless a whole row has it.
constexpr double kSwallowing = -1e30;

const Node* producer_of(const Graph& g, ValueId v) { return v == kNone ? nullptr : g.producer(v); }

std::optional<double> scalar(const Graph& g, ValueId v) {
  const Tensor* t = constant_of(g, v);
  return t != nullptr && t->count() == 1 ? uniform_constant(g, v) : std::nullopt;
}

// `v` under products with constants, which are multiplied into `scale`.
ValueId without_factors(const Graph& g, ValueId v, double& scale, bool single_use) {
  for (;;) {
    const Node* n = producer_of(g, v);
    if (n == nullptr || n->outputs.size() != 1 || (single_use && !g.has_single_use(v))) return v;
    const bool product = is_binary(*n, BinaryKind::kMul);
    if (!product && !is_binary(*n, BinaryKind::kDiv)) return v;
    size_t i = 0;
    auto factor = scalar(g, n->inputs[1]);
    if (!factor && product) {
      factor = scalar(g, n->inputs[0]);
      i = 1;
    }
    if (!factor || !same_type(g, n->inputs[i], v)) return v;
    scale = product ? scale * *factor : scale / *factor;
    v = n->inputs[i];
  }
}

// One mask of the scores: a value to add, or a condition that lets a key be attended.
struct Mask {
  ValueId value = kNone;
  ValueId condition = kNone;  // instead of value
  bool inverted = false;      // of condition
  double hidden = 0;          // what the scores of other keys become
};

// The parts of softmax(...) v.
struct Parts {
  ValueId q = kNone, k = kNone, v = kNone;
  bool k_transposed = false;  // k is [..., D, T] still
  double scale = 1;
  std::vector<Mask> masks;  // the last one applied first
  bool guarded = false;
};

// P of Where(IsNaN(P), 0, P).
ValueId guarded_by_zero(const Graph& g, ValueId v) {
  const Node* where = producer_as<Where>(g, v);
  if (where == nullptr) return kNone;
  const Node* test = producer_of(g, where->inputs[0]);
  if (test == nullptr || !test->op.is("IsNaN") || test->inputs[0] != where->inputs[2]) return kNone;
  const auto zero = uniform_constant(g, where->inputs[1]);
  return zero && *zero == 0 && same_type(g, v, where->inputs[2]) ? where->inputs[2] : kNone;
}

bool only_used_by_guard(const Graph& g, ValueId p) {
  if (g.is_output(p) || g.value(p).users.size() != 2) return false;
  for (NodeId u : g.value(p).users) {
    const Node& n = g.node(u);
    if (!n.op.is("IsNaN") && n.op.as<Where>() == nullptr) return false;
    if (!g.has_single_use(n.outputs[0])) return false;
  }
  return true;
}

// The mask that `n` applies to its input `scores`, or nothing.
std::optional<Mask> mask_of(const Graph& g, const Node& n, ValueId& scores) {
  const auto is_scores = [&](ValueId v) {
    return same_type(g, v, n.outputs[0]) && g.has_single_use(v) && g.producer(v) != nullptr;
  };
  if (is_binary(n, BinaryKind::kAdd)) {
    // Of two candidates the product of matrices is the one at the end of the chain; masks of the
    // scores' own shape are told apart by what they come from.
    for (size_t i = 0; i < 2; ++i) {
      double ignored = 1;
      if (!is_scores(n.inputs[i])) continue;
      const ValueId below = without_factors(g, n.inputs[i], ignored, true);
      const Node* from = producer_of(g, below);
      const bool likely = from != nullptr &&
                          (from->op.as<MatMul>() != nullptr || is_binary(*from, BinaryKind::kAdd) ||
                           from->op.as<Where>() != nullptr);
      if (!likely) continue;
      scores = n.inputs[i];
      return Mask{n.inputs[1 - i], kNone, false, 0};
    }
    return std::nullopt;
  }
  if (n.op.as<Where>() == nullptr) return std::nullopt;
  for (size_t i : {size_t{1}, size_t{2}}) {
    const auto hidden = uniform_constant(g, n.inputs[3 - i]);
    if (!hidden || *hidden > kSwallowing || !is_scores(n.inputs[i])) continue;
    scores = n.inputs[i];
    return Mask{kNone, n.inputs[0], i == 2, *hidden};
  }
  return std::nullopt;
}

// True when a mask of this type can be one of Attention for scores of type `s`.
bool is_mask_shape(const Type& t, const Type& s) {
  if (!t.has_rank() || t.rank() == 0 || t.rank() > s.rank()) return false;
  if (!(t.shape->back() == s.shape->back())) return false;
  for (size_t back = 2; back <= t.rank(); ++back) {
    const Dim& d = (*t.shape)[t.rank() - back];
    if (!d.is_constant(1) && !(d == (*s.shape)[s.rank() - back])) return false;
  }
  return true;
}

// k of k^T where its leading axes are merged around the transpose, or kNone.
ValueId merged_transpose_source(const Graph& g, ValueId v) {
  const Node* out = producer_as<Reshape>(g, v);
  const Node* t = out == nullptr ? nullptr : producer_as<Transpose>(g, out->inputs[0]);
  const Node* in = t == nullptr ? nullptr : producer_as<Reshape>(g, t->inputs[0]);
  if (in == nullptr || permutation_of(g, *t) != Permutation{0, 2, 1}) return kNone;
  const Type &a = g.value(in->inputs[0]).type, &b = g.value(v).type;
  const Type& merged = g.value(t->inputs[0]).type;
  if (!a.has_rank() || !b.has_rank() || a.rank() != 4 || b.rank() != 4) return kNone;
  const Shape &from = *a.shape, &to = *b.shape;
  const bool same = from[0] == to[0] && from[1] == to[1] && from[2] == to[3] && from[3] == to[2] &&
                    (*merged.shape)[1] == from[2] && (*merged.shape)[2] == from[3];
  return same ? in->inputs[0] : kNone;
}

void find_keys(const Graph& g, ValueId b, Parts& parts) {
  b = without_factors(g, b, parts.scale, false);
  parts.k = merged_transpose_source(g, b);
  if (parts.k == kNone) {
    parts.k_transposed = true;
    parts.k = b;
    return;
  }
  parts.k = without_factors(g, parts.k, parts.scale, false);
}

bool is_half(DType t) { return t == DType::kFloat16 || t == DType::kBFloat16; }

// A mask that only lets pass and hides. Others are rounded when 16-bit scores are added to them,
// which decides what a row gives that is hidden as a whole.
bool only_hides(const Graph& g, const Mask& mask) {
  if (mask.value == kNone) return std::isinf(mask.hidden);
  const auto values = constant_numbers(g, mask.value);
  return values && std::ranges::all_of(*values, [](double v) {
           return v == 0 || v == -std::numeric_limits<double>::infinity();
         });
}

std::optional<Parts> parts_of(const Graph& g, const Node& n) {
  if (n.op.as<MatMul>() == nullptr) return std::nullopt;
  Parts parts;
  parts.v = n.inputs[1];
  ValueId p = n.inputs[0];
  if (const ValueId inner = guarded_by_zero(g, p); inner != kNone) {
    if (!only_used_by_guard(g, inner)) return std::nullopt;
    parts.guarded = true;
    p = inner;
  } else if (!g.has_single_use(p)) {
    return std::nullopt;
  }
  const Node* softmax = producer_as<Softmax>(g, p);
  const Type& type = g.value(p).type;
  const bool half = is_half(type.dtype);
  if (softmax == nullptr || (type.dtype != DType::kFloat32 && !half)) return std::nullopt;
  if (!type.has_rank() || (type.rank() != 3 && type.rank() != 4)) return std::nullopt;
  if (normal_axis(softmax->op.as<Softmax>()->axis, type.rank()) + 1 != type.rank()) {
    return std::nullopt;
  }
  ValueId s = softmax->inputs[0];
  for (;;) {
    const Node* m = g.has_single_use(s) ? producer_of(g, s) : nullptr;
    if (m == nullptr) return std::nullopt;
    const auto mask = mask_of(g, *m, s);
    if (!mask) break;
    if (!is_mask_shape(g.value(mask->value != kNone ? mask->value : mask->condition).type, type)) {
      return std::nullopt;
    }
    if (half && !only_hides(g, *mask)) return std::nullopt;
    parts.masks.push_back(*mask);
  }
  s = without_factors(g, s, parts.scale, true);
  const Node* product = g.has_single_use(s) ? producer_as<MatMul>(g, s) : nullptr;
  if (product == nullptr || !same_type(g, s, p)) return std::nullopt;
  parts.q = without_factors(g, product->inputs[0], parts.scale, false);
  find_keys(g, product->inputs[1], parts);
  return parts;
}

// Operands whose leading axes agree one by one: nothing is broadcast.
bool operands_fit(const Graph& g, const Parts& parts, const Type& scores, const Type& y) {
  const Type &q = g.value(parts.q).type, &k = g.value(parts.k).type, &v = g.value(parts.v).type;
  for (const Type* t : {&q, &k, &v}) {
    if (!t->has_rank() || t->rank() != scores.rank()) return false;
    for (size_t a = 0; a + 2 < t->rank(); ++a) {
      if (!((*t->shape)[a] == (*scores.shape)[a])) return false;
    }
  }
  return y.has_rank() && y.rank() == scores.rank();
}

// Builds the new nodes on operands of rank 4.
class Builder {
 public:
  Builder(const Graph& g, PatchBuilder& p, const Type& scores)
      : g_(g), p_(p), dtype_(scores.dtype), rank3_(scores.rank() == 3) {}

  ValueId lifted(ValueId v) {
    if (!rank3_) return v;
    return p_.add(make_op("Unsqueeze"), {v, p_.constant(int64_tensor({0}))});
  }

  // k in [..., T, D] when it is given in [..., D, T].
  ValueId swapped(ValueId k) {
    const size_t rank = g_.value(k).type.rank();
    Permutation swap;
    for (size_t a = 0; a < rank; ++a) swap.push_back(static_cast<int64_t>(a));
    std::swap(swap[rank - 1], swap[rank - 2]);
    const Node* t = producer_as<Transpose>(g_, k);
    if (t != nullptr && !permutation_of(g_, *t).empty()) {
      swap = compose(permutation_of(g_, *t), swap);
      k = t->inputs[0];
    }
    return is_identity(swap) ? k : p_.add(make_op("Transpose", Transpose{swap}), {k});
  }

  // What the scores get added. The masks, the last one applied first, are applied to 0: where one
  // says what a score becomes, those before it no longer matter.
  ValueId mask(const std::vector<Mask>& masks) {
    if (masks.size() == 1 && masks[0].value == kNone && std::isinf(masks[0].hidden)) {
      const Mask& m = masks[0];
      return m.inverted ? p_.add(make_op("Not"), {m.condition}) : m.condition;
    }
    ValueId sum = kNone;
    for (auto m = masks.rbegin(); m != masks.rend(); ++m) {
      if (m->value == kNone)
        sum = chosen(*m, sum == kNone ? number(0) : sum);
      else
        sum = sum == kNone ? m->value : p_.add(make_op("Add"), {sum, m->value});
    }
    return sum;
  }

 private:
  ValueId number(double v) { return p_.constant(make_floats(dtype_, {}, {v})); }

  ValueId chosen(const Mask& m, ValueId before) {
    const ValueId hidden = number(m.hidden);
    return p_.add(make_op("Where"),
                  {m.condition, m.inverted ? hidden : before, m.inverted ? before : hidden});
  }

  const Graph& g_;
  PatchBuilder& p_;
  DType dtype_;
  bool rank3_;
};

std::optional<Patch> spelled_out(const Graph& g, const Node& n, const PassOptions&) {
  const auto parts = parts_of(g, n);
  if (!parts) return std::nullopt;
  const Type& scores = g.value(n.inputs[0]).type;
  if (!operands_fit(g, *parts, scores, g.value(n.outputs[0]).type)) return std::nullopt;
  PatchBuilder p(g);
  Builder build(g, p, scores);
  Attention op;
  op.scale = static_cast<float>(parts->scale);
  op.empty_rows = parts->guarded ? EmptyRows::kZero : EmptyRows::kNaN;
  const ValueId k = parts->k_transposed ? build.swapped(parts->k) : parts->k;
  std::vector<ValueId> inputs = {build.lifted(parts->q), build.lifted(k), build.lifted(parts->v)};
  if (!parts->masks.empty()) {
    ValueId mask = build.mask(parts->masks);
    if (scores.rank() == 3 && p.type(mask).rank() == 3) mask = build.lifted(mask);
    inputs.push_back(mask);
  }
  ValueId y = p.add(make_op("Attention", op), inputs);
  if (scores.rank() == 3) y = p.add(make_op("Squeeze"), {y, p.constant(int64_tensor({0}))});
  if (!(p.type(y) == g.value(n.outputs[0]).type)) return std::nullopt;
  p.replace(n.outputs[0], y);
  return std::move(p).build();
}

std::optional<Patch> spelled_out_in_halves(const Graph& g, const Node& n, const PassOptions& o) {
  const bool halves = n.op.as<MatMul>() != nullptr && is_half(g.value(n.outputs[0]).type.dtype);
  return halves ? spelled_out(g, n, o) : std::nullopt;
}

// x [N, G, T, D] of keys or values [N, G R, T, D] that hold every head of x R times, or kNone.
ValueId repeated_source(const Graph& g, ValueId v) {
  const Node* merge = producer_as<Reshape>(g, v);
  const Node* expand = merge == nullptr ? nullptr : producer_of(g, merge->inputs[0]);
  if (expand == nullptr || !expand->op.is("Expand")) return kNone;
  const Node* add_axis = producer_of(g, expand->inputs[0]);
  if (add_axis == nullptr || !(add_axis->op.is("Unsqueeze") || add_axis->op.as<Reshape>())) {
    return kNone;
  }
  const ValueId x = add_axis->inputs[0];
  for (const auto& [value, rank] :
       {std::pair<ValueId, size_t>{v, 4}, {merge->inputs[0], 5}, {expand->inputs[0], 5}, {x, 4}}) {
    if (!g.value(value).type.has_rank() || g.value(value).type.rank() != rank) return kNone;
  }
  const Shape &from = *g.value(x).type.shape, &single = *g.value(expand->inputs[0]).type.shape;
  const Shape &many = *g.value(merge->inputs[0]).type.shape, &to = *g.value(v).type.shape;
  const bool one = single[0] == from[0] && single[1] == from[1] && single[2].is_constant(1) &&
                   single[3] == from[2] && single[4] == from[3];
  const bool repeated =
      many[0] == from[0] && many[1] == from[1] && many[3] == from[2] && many[4] == from[3];
  const bool merged =
      to[0] == from[0] && to[1] == many[1] * many[2] && to[2] == from[2] && to[3] == from[3];
  return one && repeated && merged ? x : kNone;
}

// Attention over repeated heads => over the heads themselves, each for a group of queries.
std::optional<Patch> grouped_queries(const Graph& g, const Node& n, const PassOptions&) {
  if (n.op.as<Attention>() == nullptr || n.inputs.size() > 4 || n.outputs.size() != 1) {
    return std::nullopt;
  }
  const ValueId k = repeated_source(g, n.inputs[1]), v = repeated_source(g, n.inputs[2]);
  const Type& q = g.value(n.inputs[0]).type;
  if (k == kNone || v == kNone || !q.has_rank() || q.rank() != 4) return std::nullopt;
  const Dim &heads = (*q.shape)[1], &groups = (*g.value(k).type.shape)[1];
  if (!heads.is_constant() || !groups.is_constant() || groups.constant() < 1 ||
      heads.constant() % groups.constant() != 0 || !(groups == (*g.value(v).type.shape)[1]) ||
      !((*g.value(n.inputs[1]).type.shape)[1] == heads)) {
    return std::nullopt;
  }
  std::vector<ValueId> inputs = n.inputs;
  inputs[1] = k;
  inputs[2] = v;
  PatchBuilder p(g);
  const ValueId y = p.add(n.op, inputs);
  if (!(p.type(y) == g.value(n.outputs[0]).type)) return std::nullopt;
  p.replace(n.outputs[0], y);
  return std::move(p).build();
}

// Attention of q or k times a constant => of q and k, the constant in the scale.
std::optional<Patch> scaled_operands(const Graph& g, const Node& n, const PassOptions&) {
  const auto* op = n.op.as<Attention>();
  if (op == nullptr || n.inputs.size() > 4 || n.outputs.size() != 1) return std::nullopt;
  const Type& q = g.value(n.inputs[0]).type;
  if (q.dtype != DType::kFloat32 || !q.has_rank() || q.rank() != 4) return std::nullopt;
  const Dim& width = (*q.shape)[3];
  if (!op->scale && (!width.is_constant() || width.constant() < 1)) return std::nullopt;
  double scale = op->scale ? static_cast<double>(*op->scale)
                           : 1 / std::sqrt(static_cast<double>(width.constant()));
  PatchBuilder p(g);
  std::vector<ValueId> inputs = n.inputs;
  for (size_t i = 0; i < 2; ++i) {
    const Moves m = moves_to(g, inputs[i]);
    const ValueId x = without_factors(g, m.from, scale, true);
    if (x != m.from) inputs[i] = move(p, m, x);
  }
  if (inputs == n.inputs || !std::isnormal(static_cast<float>(scale))) return std::nullopt;
  Attention scaled = *op;
  scaled.scale = static_cast<float>(scale);
  p.replace(n.outputs[0], p.add(make_op("Attention", scaled), inputs));
  return std::move(p).build();
}

// The operand before its heads were moved outside, with constant heads and width, or kNone.
ValueId heads_inside_source(const Graph& g, ValueId v) {
  const Node* t = producer_as<Transpose>(g, v);
  if (t == nullptr || permutation_of(g, *t) != kHeadsOutside) return kNone;
  const Shape& s = *g.value(t->inputs[0]).type.shape;
  return s[2].is_constant() && s[3].is_constant() && s[2].constant() > 0 ? t->inputs[0] : kNone;
}

std::optional<Patch> heads_inside(const Graph& g, const Node& n, const PassOptions&) {
  const auto* op = n.op.as<Attention>();
  if (op == nullptr || n.inputs.size() > 4 || n.outputs.size() != 1) return std::nullopt;
  PatchBuilder p(g);
  std::vector<ValueId> inputs = n.inputs;
  int64_t heads[3] = {}, width = 0;
  for (size_t i = 0; i < 3; ++i) {
    const ValueId x = heads_inside_source(g, n.inputs[i]);
    if (x == kNone) return std::nullopt;
    const Shape& s = *g.value(x).type.shape;
    heads[i] = s[2].constant();
    width = s[3].constant();
    inputs[i] = p.add(make_op("Reshape"), {x, p.constant(int64_tensor({0, 0, heads[i] * width}))});
  }
  if (heads[1] != heads[2]) return std::nullopt;
  Attention inside = *op;
  inside.q_num_heads = heads[0];
  inside.kv_num_heads = heads[1];
  const ValueId y = p.add(make_op("Attention", inside), inputs);
  const ValueId split =
      p.add(make_op("Reshape"), {y, p.constant(int64_tensor({0, 0, heads[0], width}))});
  const ValueId moved = p.add(make_op("Transpose", Transpose{kHeadsOutside}), {split});
  if (!(p.type(moved) == g.value(n.outputs[0]).type)) return std::nullopt;
  p.replace(n.outputs[0], moved);
  return std::move(p).build();
}

}  // namespace

Pass fuse_half_attention() {
  return {"fuse_half_attention", {{"spelled_out", spelled_out_in_halves}}, nullptr};
}

Pass fuse_attention() {
  return {"fuse_attention",
          {{"spelled_out", spelled_out},
           {"scaled_operands", scaled_operands},
           {"grouped_queries", grouped_queries},
           {"heads_inside", heads_inside}},
          nullptr};
}

}  // namespace ferry
