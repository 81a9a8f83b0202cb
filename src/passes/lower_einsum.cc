// SPDX-License-Identifier: Apache-2.0
#include "passes/lower_einsum.h"

#include <algorithm>
#include <map>

#include "ops/math/einsum.h"
#include "ops/math/matmul.h"
#include "ops/reduction/reduce.h"
#include "ops/tensor/concat.h"
#include "ops/tensor/reshape.h"
#include "ops/tensor/shape.h"
#include "ops/tensor/transpose.h"
#include "passes/match.h"

namespace ferry {
namespace {

using Labels = std::vector<int>;

bool has(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}
bool has_repeats(Labels labels) {
  std::sort(labels.begin(), labels.end());
  return std::adjacent_find(labels.begin(), labels.end()) != labels.end();
}
Labels joined(Labels a, const Labels& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Tensor int_tensor(const std::vector<int64_t>& values) {
  Result<Tensor> t = Tensor::allocate(DType::kInt64, Dims{static_cast<int64_t>(values.size())});
  if (!t.ok()) return {};
  std::copy(values.begin(), values.end(), t->data<int64_t>());
  return *std::move(t);
}

// Builds the replacement; `ok` turns false where a shape cannot be written down.
class Lowering {
 public:
  Lowering(const Graph& g, const Node& n, const EinsumTerms& terms) : p_(g), n_(n), terms_(terms) {}

  std::optional<Patch> one() {
    Labels labels = terms_.inputs[0];
    const ValueId x = sum_out(n_.inputs[0], labels, terms_.output);
    return finish(transposed(x, labels, terms_.output));
  }

  std::optional<Patch> two() {
    Labels a = terms_.inputs[0], b = terms_.inputs[1];
    const ValueId x = sum_out(n_.inputs[0], a, joined(b, terms_.output));
    const ValueId y = sum_out(n_.inputs[1], b, joined(a, terms_.output));
    Labels batch, m, n, k;
    for (int label : a) {
      const bool shared = has(b, label), kept = has(terms_.output, label);
      (shared ? kept ? batch : k : m).push_back(label);
    }
    for (int label : b) {
      if (!has(a, label)) n.push_back(label);
    }
    // A size that may be 1 in one operand only broadcasts where it is not summed.
    for (int label : k) {
      if (!(size_of(x, a, label) == size_of(y, b, label))) return std::nullopt;
    }
    if (!k.empty() && m.empty() && n.empty()) return finish(dots(x, a, y, b));
    return finish(k.empty() ? outer(x, a, y, b) : product(x, a, y, b, batch, m, n, k));
  }

 private:
  static int64_t axis_of(const Labels& labels, int label) {
    return std::find(labels.begin(), labels.end(), label) - labels.begin();
  }
  // Of value `x`, whose axes are `labels`.
  Dim size_of(ValueId x, const Labels& labels, int label) const {
    return (*p_.type(x).shape)[static_cast<size_t>(axis_of(labels, label))];
  }
  // [batch..., rows, cols], each a group of labels of x.
  Shape matrices(ValueId x, const Labels& labels, const Labels& batch, const Labels& rows,
                 const Labels& cols) const {
    Shape shape;
    for (int label : batch) shape.push_back(size_of(x, labels, label));
    for (const Labels* group : {&rows, &cols}) {
      Dim count = 1;
      for (int label : *group) count = count * size_of(x, labels, label);
      shape.push_back(std::move(count));
    }
    return shape;
  }

  ValueId transposed(ValueId x, const Labels& from, const Labels& to) {
    if (from == to) return x;
    Transpose op;
    std::vector<int64_t> perm;
    for (int label : to) perm.push_back(axis_of(from, label));
    op.perm = std::move(perm);
    return p_.add(make_op("Transpose", op), {x});
  }

  ValueId reshaped(ValueId x, const Shape& to) {
    const Shape& from = *p_.type(x).shape;
    if (from == to) return x;
    const auto spec = reshape_spec(from, to);
    if (!spec) ok_ = false;
    if (!ok_) return x;
    return p_.add(make_op("Reshape"), {x, p_.constant(int_tensor(*spec))});
  }

  // Labels that nobody else has go first: their sum needs no product.
  ValueId sum_out(ValueId x, Labels& labels, const Labels& needed) {
    std::vector<int64_t> axes;
    Labels left;
    for (size_t i = 0; i < labels.size(); ++i) {
      if (has(needed, labels[i]))
        left.push_back(labels[i]);
      else
        axes.push_back(static_cast<int64_t>(i));
    }
    labels = left;
    if (axes.empty()) return x;
    Reduce op;
    op.kind = ReduceKind::kSum;
    op.keepdims = false;
    return p_.add(make_op("ReduceSum", op), {x, p_.constant(int_tensor(axes))});
  }

  // No label is summed: every operand takes the output's axes, with 1 where it has none.
  ValueId outer(ValueId x, const Labels& a, ValueId y, const Labels& b) {
    const auto spread = [&](ValueId v, const Labels& labels) {
      Labels kept;
      Shape shape;
      for (int label : terms_.output) {
        const bool own = has(labels, label);
        if (own) kept.push_back(label);
        shape.push_back(own ? size_of(v, labels, label) : Dim(1));
      }
      return reshaped(transposed(v, labels, kept), shape);
    };
    const ValueId u = spread(x, a), w = spread(y, b);
    return ok_ ? p_.add(make_op("Mul"), {u, w}) : x;
  }

  // Both have the same labels: a matrix product would be one of rows by columns.
  ValueId dots(ValueId x, Labels labels, ValueId y, const Labels& b) {
    const ValueId z = p_.add(make_op("Mul"), {x, transposed(y, b, labels)});
    const ValueId sums = sum_out(z, labels, terms_.output);
    return transposed(sums, labels, terms_.output);
  }

  // [batch, m, k] x [batch, k, n], each group but the first one axis: leading axes broadcast in a
  // matrix product as they are.
  ValueId product(ValueId x, const Labels& a, ValueId y, const Labels& b, const Labels& batch,
                  const Labels& m, const Labels& n, const Labels& k) {
    const ValueId u =
        reshaped(transposed(x, a, joined(joined(batch, m), k)), matrices(x, a, batch, m, k));
    const ValueId w =
        reshaped(transposed(y, b, joined(joined(batch, k), n)), matrices(y, b, batch, k, n));
    if (!ok_) return x;
    const ValueId z = p_.add(make_op("MatMul"), {u, w});
    const Labels labels = joined(joined(batch, m), n);
    return transposed(m.size() == 1 && n.size() == 1 ? z : apart(z, x, a, m, y, b, n, batch.size()),
                      labels, terms_.output);
  }

  // z [batch, m, n] with an axis for every label of m, which are of x, and of n, which are of y.
  ValueId apart(ValueId z, ValueId x, const Labels& a, const Labels& m, ValueId y, const Labels& b,
                const Labels& n, size_t batch) {
    const Shape& from = *p_.type(z).shape;
    Shape to(from.begin(), from.begin() + static_cast<ptrdiff_t>(batch));
    for (int label : m) to.push_back(size_of(x, a, label));
    for (int label : n) to.push_back(size_of(y, b, label));
    if (reshape_spec(from, to)) return reshaped(z, to);
    std::vector<ValueId> sizes;
    if (batch > 0) sizes.push_back(shape_part(z, 0, static_cast<int64_t>(batch)));
    const auto add = [&](ValueId v, const Labels& labels, const Labels& group) {
      for (int label : group) {
        const int64_t at = axis_of(labels, label);
        sizes.push_back(shape_part(v, at, at + 1));
      }
    };
    add(x, a, m);
    add(y, b, n);
    // Sizes of 0 stand for themselves.
    Reshape op;
    op.allowzero = true;
    return p_.add(make_op("Reshape", op), {z, p_.add(make_op("Concat", Concat{0}), sizes)});
  }
  ValueId shape_part(ValueId x, int64_t from, int64_t to) {
    return p_.add(make_op("Shape", ShapeOf{from, to}), {x});
  }

  std::optional<Patch> finish(ValueId y) {
    if (!ok_) return std::nullopt;
    p_.replace(n_.outputs[0], y);
    return std::move(p_).build();
  }

  PatchBuilder p_;
  const Node& n_;
  const EinsumTerms& terms_;
  bool ok_ = true;
};

// Two of several operands, and what of their labels is needed once they are one.
struct Pair {
  size_t first = 0, second = 0;
  Labels kept;
  double elements = 0;
};

// The pair whose product is smallest, unknown sizes counted as 1, and has no more axes than any
// operand or the result: products of operands that share no label would outgrow them all.
std::optional<Pair> smallest_pair(const Graph& g, const Node& n, const EinsumTerms& terms) {
  size_t most = terms.output.size();
  std::map<int, double> sizes;
  for (size_t i = 0; i < terms.inputs.size(); ++i) {
    most = std::max(most, terms.inputs[i].size());
    const Shape& shape = *g.value(n.inputs[i]).type.shape;
    for (size_t a = 0; a < shape.size(); ++a) {
      double& size = sizes[terms.inputs[i][a]];
      if (shape[a].is_constant()) size = std::max(size, static_cast<double>(shape[a].constant()));
    }
  }
  std::optional<Pair> best;
  for (size_t i = 0; i < terms.inputs.size(); ++i) {
    for (size_t j = i + 1; j < terms.inputs.size(); ++j) {
      Labels needed = terms.output;
      for (size_t k = 0; k < terms.inputs.size(); ++k) {
        if (k != i && k != j) needed = joined(needed, terms.inputs[k]);
      }
      Pair pair{i, j, {}, 1};
      for (int label : joined(terms.inputs[i], terms.inputs[j])) {
        if (!has(needed, label) || has(pair.kept, label)) continue;
        pair.kept.push_back(label);
        pair.elements *= std::max(1.0, sizes[label]);
      }
      if (pair.kept.size() > most || (best && pair.elements >= best->elements)) continue;
      best = std::move(pair);
    }
  }
  return best;
}

// One pair of several operands as an Einsum of its own.
std::optional<Patch> split(const Graph& g, const Node& n, const EinsumTerms& terms) {
  const auto pair = smallest_pair(g, n, terms);
  if (!pair) return std::nullopt;
  bool named = true;
  const auto letters = [&](const Labels& labels) {
    std::string text;
    for (int label : labels) {
      named = named && label >= 0 && label < 26;
      text += static_cast<char>('a' + label);
    }
    return text;
  };
  const Einsum first{letters(terms.inputs[pair->first]) + "," +
                     letters(terms.inputs[pair->second]) + "->" + letters(pair->kept)};
  PatchBuilder p(g);
  const ValueId product =
      p.add(make_op("Einsum", first), {n.inputs[pair->first], n.inputs[pair->second]});
  Einsum second;
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    if (i == pair->second) continue;
    const bool made = i == pair->first;
    second.equation += (i == 0 ? "" : ",") + letters(made ? pair->kept : terms.inputs[i]);
    inputs.push_back(made ? product : n.inputs[i]);
  }
  second.equation += "->" + letters(terms.output);
  if (!named) return std::nullopt;
  const ValueId y = p.add(make_op("Einsum", second), inputs);
  if (!(p.type(y) == g.value(n.outputs[0]).type)) return std::nullopt;
  p.replace(n.outputs[0], y);
  return std::move(p).build();
}

std::optional<Patch> lowered(const Graph& g, const Node& n, const PassOptions&) {
  const auto* op = n.op.as<Einsum>();
  if (op == nullptr) return std::nullopt;
  std::vector<size_t> ranks;
  for (ValueId v : n.inputs) {
    const Type& t = g.value(v).type;
    if (!t.has_rank() || (t.dtype != DType::kFloat32 && t.dtype != DType::kFloat64)) {
      return std::nullopt;
    }
    ranks.push_back(t.rank());
  }
  const Result<EinsumTerms> terms = EinsumTerms::parse(op->equation, ranks);
  if (!terms.ok()) return std::nullopt;
  for (const Labels& term : terms->inputs) {
    if (has_repeats(term)) return std::nullopt;
  }
  // Axes of an ellipsis align from the right, which letters do not say.
  if (n.inputs.size() > 2 && op->equation.find('.') != std::string::npos) return std::nullopt;
  if (n.inputs.size() > 2) return split(g, n, *terms);
  Lowering lowering(g, n, *terms);
  return n.inputs.size() == 1 ? lowering.one() : lowering.two();
}

}  // namespace

Pass lower_einsum() { return {"lower_einsum", {{"lowered", lowered}}, nullptr}; }

}  // namespace ferry
