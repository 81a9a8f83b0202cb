// SPDX-License-Identifier: Apache-2.0
#include "passes/cancel_transposes.h"

#include <algorithm>

#if __has_include("ops/image/resize.h")
#include "ops/image/resize.h"
#endif
#include "ops/logical/where.h"
#include "ops/math/clip.h"
#include "ops/math/variadic.h"
#include "ops/nn/group_normalization.h"
#include "ops/nn/layer_normalization.h"
#include "ops/nn/log_softmax.h"
#include "ops/nn/pool.h"
#include "ops/nn/softmax.h"
#include "ops/reduction/reduce.h"
#include "ops/tensor/concat.h"
#include "ops/tensor/pad.h"
#include "ops/tensor/reshape.h"
#include "ops/tensor/slice.h"
#include "ops/tensor/split.h"
#include "ops/tensor/squeeze.h"
#include "passes/permutation.h"
#include "tensor/int_contents.h"

namespace ferry {
namespace {

constexpr int kLookahead = 12;  // nodes; a squeeze-and-excitation block takes six

// The value that `v` is a transpose of by `perm`, or kNone.
ValueId source(const Graph& g, ValueId v, const Permutation& perm) {
  const Node* t = producer_as<Transpose>(g, v);
  return t != nullptr && permutation_of(g, *t) == perm ? t->inputs[0] : kNone;
}

const Node* transpose_of(const Graph& g, ValueId v) {
  const Node* t = producer_as<Transpose>(g, v);
  return t != nullptr && !permutation_of(g, *t).empty() ? t : nullptr;
}

bool is_elementwise(const Node& n) {
  if (const auto* r = n.op.as<Reduce>()) return r->noop_with_empty_axes && n.inputs.size() == 1;
  return n.op.as<Unary>() || n.op.as<Binary>() || n.op.as<Variadic>() || n.op.as<Where>() ||
         n.op.as<Clip>() || n.op.is("Cast");
}

// Operands that broadcast against each other; the others (bounds of Clip) stay as they are.
size_t num_broadcast_operands(const Node& n) { return n.op.as<Clip>() ? 1 : n.num_own_inputs(); }

// How an operand that is no transpose of the wanted kind can follow one.
enum class Operand : uint8_t { kNo, kKeep, kConstant, kReshape };

Operand follows(const Graph& g, ValueId v, const Permutation& perm) {
  const Type& t = g.value(v).type;
  if (!t.has_rank() || t.rank() > perm.size()) return Operand::kNo;
  if (is_single_element(t)) return Operand::kKeep;
  if (constant_of(g, v) != nullptr) return Operand::kConstant;
  // One axis at most that is not 1, or the same order of those axes on both sides.
  std::vector<int64_t> wide;
  for (size_t a = 0; a < t.rank(); ++a) {
    if ((*t.shape)[a].is_constant(1)) continue;
    wide.push_back(perm[a + perm.size() - t.rank()]);
  }
  return std::is_sorted(wide.begin(), wide.end()) ? Operand::kReshape : Operand::kNo;
}

// `v` with leading ones up to the rank of `perm`, then permuted back.
ValueId permuted(PatchBuilder& p, const Graph& g, ValueId v, const Permutation& perm) {
  const Type& t = g.value(v).type;
  const size_t missing = perm.size() - t.rank();
  const Permutation back = inverse(perm);
  if (const Tensor* c = constant_of(g, v)) {
    Dims dims = Dims::filled(missing, 1);
    for (int64_t d : c->dims()) dims.push_back(d);
    Node node;
    node.op = make_op("Transpose", Transpose{back});
    node.inputs = {v};
    node.outputs = {v};
    const Value in(c->reshaped(dims));
    std::vector<Value> out;
    if (interpret_node(node, {&in, 1}, out).ok()) return p.constant(out[0].tensor());
  }
  if (missing > 0) {
    std::vector<int64_t> axes;
    for (size_t a = 0; a < missing; ++a) axes.push_back(static_cast<int64_t>(a));
    v = p.add(make_op("Unsqueeze"), {v, p.constant(int64_tensor(axes))});
  }
  return p.add(make_op("Transpose", Transpose{back}), {v});
}

// One node rewritten onto the sources of its transposed inputs.
struct Sunk {
  Op op;
  std::vector<ValueId> inputs;
  Permutation perm;  // from the new outputs to the old ones
};

using Sink = std::optional<Sunk> (*)(PatchBuilder&, const Graph&, const Node&, const Permutation&);

std::optional<Sunk> sink_elementwise(PatchBuilder& p, const Graph& g, const Node& n,
                                     const Permutation& perm) {
  const Type& out = g.value(n.outputs[0]).type;
  if (!out.has_rank() || out.rank() != perm.size()) return std::nullopt;
  Sunk s{n.op, n.inputs, perm};
  for (size_t i = 0; i < num_broadcast_operands(n); ++i) {
    const ValueId x = source(g, n.inputs[i], perm);
    if (x != kNone) {
      s.inputs[i] = x;
      continue;
    }
    switch (follows(g, n.inputs[i], perm)) {
      case Operand::kNo:
        return std::nullopt;
      case Operand::kKeep:
        break;
      case Operand::kConstant:
      case Operand::kReshape:
        s.inputs[i] = permuted(p, g, n.inputs[i], perm);
        break;
    }
  }
  return s;
}

std::optional<Sunk> sink_concat(PatchBuilder& p, const Graph& g, const Node& n,
                                const Permutation& perm) {
  Sunk s{make_op("Concat", Concat{perm[normal_axis(n.op.as<Concat>()->axis, perm.size())]}),
         n.inputs, perm};
  for (ValueId& v : s.inputs) {
    const ValueId x = source(g, v, perm);
    const Type& t = g.value(v).type;
    if (x != kNone) {
      v = x;
    } else if (t.has_rank() && t.rank() == perm.size() && follows(g, v, perm) != Operand::kNo) {
      v = permuted(p, g, v, perm);
    } else {
      return std::nullopt;
    }
  }
  return s;
}

std::optional<Sunk> sink_split(PatchBuilder&, const Graph& g, const Node& n,
                               const Permutation& perm) {
  Split op = *n.op.as<Split>();
  op.axis = perm[normal_axis(op.axis, perm.size())];
  Sunk s{make_op("Split", op), n.inputs, perm};
  s.inputs[0] = source(g, n.inputs[0], perm);
  return s;
}

std::optional<Sunk> sink_slice(PatchBuilder& p, const Graph& g, const Node& n,
                               const Permutation& perm) {
  std::vector<int64_t> axes;
  if (input(n, 3) != kNone) {
    const auto given = constant_ints(g, n.inputs[3]);
    if (!given) return std::nullopt;
    axes = *given;
  } else {
    const Type& starts = g.value(n.inputs[1]).type;
    if (!starts.has_rank() || starts.rank() != 1 || !starts.shape->front().is_constant()) {
      return std::nullopt;
    }
    for (int64_t a = 0; a < starts.shape->front().constant(); ++a) axes.push_back(a);
  }
  for (int64_t& a : axes) a = perm[normal_axis(a, perm.size())];
  Sunk s{n.op, n.inputs, perm};
  s.inputs[0] = source(g, n.inputs[0], perm);
  if (s.inputs.size() < 4) s.inputs.resize(4, kNone);
  // One index type for all.
  const DType index = g.value(n.inputs[1]).type.dtype;
  if (index == DType::kInt64) {
    s.inputs[3] = p.constant(int64_tensor(axes));
  } else {
    Result<Tensor> t = Tensor::allocate(index, Dims{static_cast<int64_t>(axes.size())});
    if (!t.ok() || index != DType::kInt32) return std::nullopt;
    for (size_t i = 0; i < axes.size(); ++i) t->data<int32_t>()[i] = static_cast<int32_t>(axes[i]);
    s.inputs[3] = p.constant(*std::move(t));
  }
  return s;
}

std::optional<Sunk> sink_pad(PatchBuilder& p, const Graph& g, const Node& n,
                             const Permutation& perm) {
  Sunk s{n.op, n.inputs, perm};
  s.inputs[0] = source(g, n.inputs[0], perm);
  if (input(n, 3) != kNone) {
    auto axes = constant_ints(g, n.inputs[3]);
    if (!axes) return std::nullopt;
    for (int64_t& a : *axes) a = perm[normal_axis(a, perm.size())];
    s.inputs[3] = p.constant(int64_tensor(*axes));
    return s;
  }
  // Pads by axis name their axes from here on.
  if (s.inputs.size() < 4) s.inputs.resize(4, kNone);
  if (const auto pads = constant_ints(g, n.inputs[1])) {
    if (pads->size() != 2 * perm.size()) return std::nullopt;
    std::vector<int64_t> moved(pads->size());
    for (size_t a = 0; a < perm.size(); ++a) {
      moved[static_cast<size_t>(perm[a])] = (*pads)[a];
      moved[perm.size() + static_cast<size_t>(perm[a])] = (*pads)[perm.size() + a];
    }
    s.inputs[1] = p.constant(int64_tensor(moved));
    return s;
  }
  s.inputs[3] = p.constant(int64_tensor(perm));
  return s;
}

// What remains of `perm` (from x to y) when the axes `gone` of y are dropped.
Permutation without_axes(const Permutation& perm, const std::vector<int64_t>& gone) {
  Permutation rest;
  for (size_t a = 0; a < perm.size(); ++a) {
    if (std::find(gone.begin(), gone.end(), static_cast<int64_t>(a)) == gone.end()) {
      rest.push_back(perm[a]);
    }
  }
  Permutation sorted = rest, out;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t a : rest) {
    out.push_back(std::lower_bound(sorted.begin(), sorted.end(), a) - sorted.begin());
  }
  return out;
}

// Axes of y as input `i` names them, in [0, rank); nullopt when they are not constant.
std::optional<std::vector<int64_t>> axes_input(const Graph& g, const Node& n, size_t i,
                                               size_t rank) {
  if (input(n, i) == kNone) return std::nullopt;
  auto axes = constant_ints(g, n.inputs[i]);
  if (!axes) return std::nullopt;
  for (int64_t& a : *axes) a = static_cast<int64_t>(normal_axis(a, rank));
  return axes;
}

std::vector<int64_t> mapped(const std::vector<int64_t>& axes, const Permutation& perm) {
  std::vector<int64_t> out;
  for (int64_t a : axes) out.push_back(perm[static_cast<size_t>(a)]);
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<Sunk> sink_reduce(PatchBuilder& p, const Graph& g, const Node& n,
                                const Permutation& perm) {
  const Reduce& op = *n.op.as<Reduce>();
  const auto axes = axes_input(g, n, 1, perm.size());
  if (!axes || axes->empty()) return std::nullopt;
  const ValueId moved = p.constant(int64_tensor(mapped(*axes, perm)));
  return Sunk{
      n.op, {source(g, n.inputs[0], perm), moved}, op.keepdims ? perm : without_axes(perm, *axes)};
}

template <class T>
std::optional<Sunk> sink_softmax(PatchBuilder&, const Graph& g, const Node& n,
                                 const Permutation& perm) {
  T op = *n.op.as<T>();
  op.axis = perm[normal_axis(op.axis, perm.size())];
  return Sunk{make_op(n.op.def().full_name(), op), {source(g, n.inputs[0], perm)}, perm};
}

std::optional<Sunk> sink_normalization(PatchBuilder&, const Graph& g, const Node& n,
                                       const Permutation& perm) {
  if (n.outputs.size() != 1) return std::nullopt;
  const auto* op = n.op.as<LayerNormalization>();
  const int64_t axis = op != nullptr ? op->axis : n.op.as<RMSNormalization>()->axis;
  const size_t first = normal_axis(axis, perm.size());
  for (size_t a = first; a < perm.size(); ++a) {
    if (perm[a] != static_cast<int64_t>(a)) return std::nullopt;
  }
  for (size_t i = 1; i < n.num_own_inputs(); ++i) {
    if (n.inputs[i] == kNone) continue;
    const Type& t = g.value(n.inputs[i]).type;
    if (!t.has_rank() || t.rank() > perm.size() - first) return std::nullopt;
  }
  Sunk s{n.op, n.inputs, perm};
  s.inputs[0] = source(g, n.inputs[0], perm);
  return s;
}

std::optional<Sunk> sink_squeeze(PatchBuilder& p, const Graph& g, const Node& n,
                                 const Permutation& perm) {
  const auto axes = axes_input(g, n, 1, perm.size());
  if (!axes) return std::nullopt;
  const ValueId moved = p.constant(int64_tensor(mapped(*axes, perm)));
  return Sunk{n.op, {source(g, n.inputs[0], perm), moved}, without_axes(perm, *axes)};
}

std::optional<Sunk> sink_unsqueeze(PatchBuilder&, const Graph& g, const Node& n,
                                   const Permutation& perm) {
  const Type& out = g.value(n.outputs[0]).type;
  if (!out.has_rank()) return std::nullopt;
  const auto axes = axes_input(g, n, 1, out.rank());
  if (!axes) return std::nullopt;
  const auto is_new = [&](size_t a) {
    return std::find(axes->begin(), axes->end(), static_cast<int64_t>(a)) != axes->end();
  };
  std::vector<int64_t> old;  // where the axes of x lie in the new value
  for (size_t a = 0; a < out.rank(); ++a) {
    if (!is_new(a)) old.push_back(static_cast<int64_t>(a));
  }
  if (old.size() != perm.size()) return std::nullopt;
  Permutation wide;
  size_t k = 0;
  for (size_t a = 0; a < out.rank(); ++a) {
    wide.push_back(is_new(a) ? static_cast<int64_t>(a) : old[static_cast<size_t>(perm[k++])]);
  }
  return Sunk{n.op, {source(g, n.inputs[0], perm), n.inputs[1]}, wide};
}

// Axes [a0, a1) of x and [b0, b1) of y of a Reshape that hold the same elements in the same order.
struct AxisGroup {
  size_t a0, a1, b0, b1;
};

// The finest groups, in order; nothing when the shapes do not show them.
std::optional<std::vector<AxisGroup>> axis_groups(const Shape& x, const Shape& y) {
  std::vector<AxisGroup> groups;
  for (size_t a = 0, b = 0; a < x.size() || b < y.size();) {
    AxisGroup g{a, a, b, b};
    Dim of_x = 1, of_y = 1;
    do {
      // The side that lacks elements takes the next axis; of two unknown ones, the shorter group.
      // Who has none left leaves it to the other.
      const bool constant = of_x.is_constant() && of_y.is_constant();
      const bool widen_x =
          g.a1 == g.a0 || (g.b1 != g.b0 && (constant ? of_x.constant() < of_y.constant()
                                                     : g.a1 - g.a0 <= g.b1 - g.b0));
      if (g.a1 == x.size() && g.b1 == y.size()) return std::nullopt;
      if (g.b1 == y.size() || (widen_x && g.a1 < x.size())) {
        of_x = of_x * x[g.a1++];
      } else {
        of_y = of_y * y[g.b1++];
      }
      if (of_x.is_invalid() || of_y.is_invalid()) return std::nullopt;
    } while (g.b1 == g.b0 || !(of_x == of_y));
    // Ones that are left over belong to the last group.
    const auto rest_is_one = [](const Shape& s, size_t from) {
      return std::all_of(s.begin() + static_cast<std::ptrdiff_t>(from), s.end(),
                         [](const Dim& d) { return d.is_constant(1); });
    };
    if (rest_is_one(x, g.a1) && rest_is_one(y, g.b1)) g.a1 = x.size(), g.b1 = y.size();
    a = g.a1, b = g.b1;
    groups.push_back(g);
  }
  return groups;
}

// Whether the sizes that a Reshape is given are those of its output, or -1: none is a copy.
bool names_every_size(const Graph& g, const Node& n) {
  const GraphValue &sizes = g.value(n.inputs[1]), &y = g.value(n.outputs[0]);
  return sizes.known && std::equal(sizes.known->begin(), sizes.known->end(), y.type.shape->begin(),
                                   y.type.shape->end(), [](const Dim& given, const Dim& d) {
                                     return given == d || given.is_constant(-1);
                                   });
}

// A reshape that splits axes, or merges such as are neighbours before the transpose too.
std::optional<Sunk> sink_reshape(PatchBuilder& p, const Graph& g, const Node& n,
                                 const Permutation& perm) {
  const Type& out = g.value(n.outputs[0]).type;
  const ValueId x = source(g, n.inputs[0], perm);
  if (!out.has_rank() || out.rank() == 0 || n.op.as<Reshape>() == nullptr) return std::nullopt;
  const auto groups = axis_groups(*g.value(n.inputs[0]).type.shape, *out.shape);
  if (!groups) return std::nullopt;
  std::vector<AxisGroup> order = *groups;
  for (const AxisGroup& group : order) {
    for (size_t a = group.a0; a + 1 < group.a1; ++a) {
      if (perm[a + 1] != perm[a] + 1) return std::nullopt;
    }
  }
  std::sort(order.begin(), order.end(),
            [&](const AxisGroup& l, const AxisGroup& r) { return perm[l.a0] < perm[r.a0]; });
  Shape to;
  Permutation back(out.rank());
  std::vector<int64_t> from;
  for (const AxisGroup& group : order) {
    for (size_t b = group.b0; b < group.b1; ++b) {
      back[b] = static_cast<int64_t>(to.size());
      to.push_back((*out.shape)[b]);
      from.push_back(static_cast<int64_t>(b));
    }
  }
  if (const auto spec = reshape_spec(*g.value(x).type.shape, to)) {
    return Sunk{make_op("Reshape"), {x, p.constant(int64_tensor(*spec))}, back};
  }
  // The run computes the sizes: the same ones in another order.
  if (!names_every_size(g, n)) return std::nullopt;
  const ValueId sizes = p.add(make_op("Gather"), {n.inputs[1], p.constant(int64_tensor(from))});
  return Sunk{make_op("Reshape", Reshape{true}), {x, sizes}, back};
}

template <class T>
std::optional<Sunk> sink_pool(PatchBuilder&, const Graph& g, const Node& n,
                              const Permutation& perm) {
  T op = *n.op.as<T>();
  if (op.channels_last || perm.size() < 3 || perm != channels_first(perm.size())) {
    return std::nullopt;
  }
  if (n.outputs.size() != 1) return std::nullopt;
  op.channels_last = true;
  Sunk s{make_op(n.op.def().full_name(), op), n.inputs, perm};
  s.inputs[0] = source(g, n.inputs[0], perm);
  return s;
}

// `planned`: operators may become channels-last, which ONNX cannot say.
Sink sink_of(const Node& n, bool planned) {
  if (is_elementwise(n)) return sink_elementwise;
  if (n.op.as<Concat>()) return sink_concat;
  if (n.op.as<Split>()) return sink_split;
  if (n.op.as<Slice>()) return sink_slice;
  if (n.op.as<Pad>()) return sink_pad;
  if (n.op.as<Reduce>()) return sink_reduce;
  if (n.op.as<Softmax>()) return sink_softmax<Softmax>;
  if (n.op.as<LogSoftmax>()) return sink_softmax<LogSoftmax>;
  if (n.op.as<LayerNormalization>() || n.op.as<RMSNormalization>()) return sink_normalization;
  if (n.op.as<Squeeze>()) return sink_squeeze;
  if (n.op.as<Unsqueeze>()) return sink_unsqueeze;
  if (n.op.as<Reshape>()) return sink_reshape;
  if (!planned) return nullptr;
  if (n.op.as<Pool>()) return sink_pool<Pool>;
  if (n.op.as<GlobalPool>()) return sink_pool<GlobalPool>;
  if (n.op.as<GroupNormalization>()) return sink_pool<GroupNormalization>;
#if __has_include("ops/image/resize.h")
  if (n.op.as<Resize>()) return sink_pool<Resize>;
#endif
  return nullptr;
}

// Operators all of whose data inputs must be transposed alike.
bool joins(const Node& n) { return is_elementwise(n) || n.op.as<Concat>() != nullptr; }

// Operators of one data input that keep its rank and its permutation.
bool carries(const Node& n, const Permutation& perm, bool planned) {
  if (n.op.as<Pool>() || n.op.as<GlobalPool>() || n.op.as<GroupNormalization>()) {
    return planned && perm == channels_first(perm.size());
  }
#if __has_include("ops/image/resize.h")
  if (n.op.as<Resize>()) return planned && perm == channels_first(perm.size());
#endif
  if (const auto* r = n.op.as<Reduce>()) return r->keepdims;
  return n.op.as<Split>() || n.op.as<Slice>() || n.op.as<Pad>() || n.op.as<Softmax>();
}

// True when `v` is, or is about to become, a transpose by `perm`, or can follow one.
bool will_be_transposed(const Graph& g, ValueId v, const Permutation& perm, bool planned,
                        int depth) {
  if (source(g, v, perm) != kNone || follows(g, v, perm) != Operand::kNo) return true;
  const Node* n = g.producer(v);
  if (n == nullptr || depth == 0) return false;
  if (carries(*n, perm, planned)) {
    return will_be_transposed(g, n->inputs[0], perm, planned, depth - 1);
  }
  if (!joins(*n)) return false;
  for (size_t i = 0; i < num_broadcast_operands(*n); ++i) {
    if (!will_be_transposed(g, n->inputs[i], perm, planned, depth - 1)) return false;
  }
  return true;
}

// True when a transpose by `perm` can move from input to output of `n`, now or soon.
bool can_sink(const Graph& g, const Node& n, const Permutation& perm, bool planned) {
  const Sink make = sink_of(n, planned);
  if (make == nullptr) return false;
  if (joins(n)) {
    for (size_t i = 0; i < num_broadcast_operands(n); ++i) {
      if (!will_be_transposed(g, n.inputs[i], perm, planned, kLookahead)) return false;
    }
    return true;
  }
  PatchBuilder probe(g);
  return make(probe, g, n, perm).has_value();
}

// True when a transpose by `perm` of `v` would be undone by everyone who uses it.
bool cancels_below(const Graph& g, ValueId v, const Permutation& perm, bool planned, int depth) {
  if (g.is_output(v) || g.value(v).users.empty()) return false;
  for (NodeId id : g.value(v).users) {
    const Node& user = g.node(id);
    const Permutation next = permutation_of(g, user);
    if (!next.empty()) {
      if (next.size() != perm.size() || !is_identity(compose(perm, next))) return false;
      continue;
    }
    if (depth == 0) return false;
    if (joins(user) ? !can_sink(g, user, perm, planned) : !carries(user, perm, planned)) {
      return false;
    }
    for (ValueId y : user.outputs) {
      if (y != kNone && !cancels_below(g, y, perm, planned, depth - 1)) return false;
    }
  }
  return true;
}

// Sinking must not leave more transposes than before: the old one goes away, or the new one does.
bool worthwhile(const Graph& g, const Node& n, const Node& t, const Permutation& perm,
                bool planned) {
  const ValueId v = t.outputs[0];
  const bool goes = !g.is_output(v) &&
                    std::all_of(g.value(v).users.begin(), g.value(v).users.end(), [&](NodeId id) {
                      const Node& u = g.node(id);
                      return &u == &n || u.op.as<Transpose>() || can_sink(g, u, perm, planned);
                    });
  if (goes) return true;
  return std::all_of(n.outputs.begin(), n.outputs.end(), [&](ValueId y) {
    return y == kNone || cancels_below(g, y, perm, planned, kLookahead);
  });
}

std::optional<Patch> sink(const Graph& g, const Node& n, bool planned) {
  const Sink make = sink_of(n, planned);
  if (make == nullptr || n.outputs.empty()) return std::nullopt;
  const size_t candidates = joins(n) ? num_broadcast_operands(n) : 1;
  for (size_t i = 0; i < candidates; ++i) {
    const Node* t = n.inputs[i] == kNone ? nullptr : transpose_of(g, n.inputs[i]);
    if (t == nullptr) continue;
    const Permutation perm = permutation_of(g, *t);
    PatchBuilder p(g);
    std::optional<Sunk> s = make(p, g, n, perm);
    if (!s || !worthwhile(g, n, *t, perm, planned)) continue;
    const std::vector<ValueId> ys = p.add(std::move(s->op), s->inputs, n.outputs.size());
    for (size_t k = 0; k < ys.size(); ++k) {
      if (n.outputs[k] == kNone) continue;
      const ValueId y =
          is_identity(s->perm) ? ys[k] : p.add(make_op("Transpose", Transpose{s->perm}), {ys[k]});
      p.replace(n.outputs[k], y);
    }
    return std::move(p).build();
  }
  return std::nullopt;
}

std::optional<Patch> sink_planned(const Graph& g, const Node& n, const PassOptions&) {
  return sink(g, n, true);
}

std::optional<Patch> sink_written(const Graph& g, const Node& n, const PassOptions&) {
  return sink(g, n, false);
}

std::optional<Patch> compose_transposes(const Graph& g, const Node& n, const PassOptions&) {
  const Permutation second = permutation_of(g, n);
  if (second.empty()) return std::nullopt;
  if (is_identity(second)) return replacement(g, n.outputs[0], n.inputs[0]);
  const Node* inner = transpose_of(g, n.inputs[0]);
  if (inner == nullptr) return std::nullopt;
  const Permutation both = compose(permutation_of(g, *inner), second);
  PatchBuilder p(g);
  p.replace(n.outputs[0], is_identity(both)
                              ? inner->inputs[0]
                              : p.add(make_op("Transpose", Transpose{both}), {inner->inputs[0]}));
  return std::move(p).build();
}

std::optional<Patch> transpose_to_reshape(const Graph& g, const Node& n, const PassOptions&) {
  const Permutation perm = permutation_of(g, n);
  if (perm.empty()) return std::nullopt;
  const Shape& from = *g.value(n.inputs[0]).type.shape;
  std::vector<int64_t> wide;
  Shape to;
  for (int64_t a : perm) {
    to.push_back(from[static_cast<size_t>(a)]);
    if (!to.back().is_constant(1)) wide.push_back(a);
  }
  if (!std::is_sorted(wide.begin(), wide.end())) return std::nullopt;
  const auto spec = reshape_spec(from, to);
  if (!spec) return std::nullopt;
  PatchBuilder p(g);
  p.replace(n.outputs[0],
            p.add(make_op("Reshape"), {n.inputs[0], p.constant(int64_tensor(*spec))}));
  return std::move(p).build();
}

}  // namespace

std::vector<NamedRule> transpose_to_reshape_rules() {
  return {{"transpose_to_reshape", transpose_to_reshape}};
}

bool sinks_transposes(const Node& node) { return sink_of(node, true) != nullptr; }

Pass cancel_transposes() {
  return {"cancel_transposes",
          {{"compose_transposes", compose_transposes}, {"sink_transposes", sink_planned}},
          nullptr};
}

Pass cancel_written_transposes() {
  return {"cancel_transposes",
          {{"compose_transposes", compose_transposes}, {"sink_transposes", sink_written}},
          nullptr};
}

Pass lower_transposes() { return {"lower_transposes", transpose_to_reshape_rules(), nullptr}; }

}  // namespace ferry
