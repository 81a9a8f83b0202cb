// SPDX-License-Identifier: Apache-2.0
#include "onnx/derivative.h"

#include <cmath>
#include <map>
#include <numeric>

#include "base/status.h"
#include "tensor/visit.h"

namespace ferry::onnx {
namespace {

using Gradients = Result<std::vector<ValueId>>;
using N = const Differentiated&;

// Shorthands for expressions: the first error stays, and what follows does nothing.
class Expr {
 public:
  explicit Expr(Rewriter& r) : r_(r) {}

  ValueId op(std::string_view name, std::vector<ValueId> inputs,
             std::vector<std::pair<std::string, AttrValue>> attrs = {}) {
    if (!status_.ok()) return kNone;
    return take(r_.emit(name, std::move(inputs), std::move(attrs)));
  }
  ValueId mul(ValueId a, ValueId b) { return op("Mul", {a, b}); }
  ValueId div(ValueId a, ValueId b) { return op("Div", {a, b}); }
  ValueId sub(ValueId a, ValueId b) { return op("Sub", {a, b}); }
  ValueId neg(ValueId a) { return op("Neg", {a}); }
  ValueId shape(ValueId a) { return op("Shape", {a}); }
  // A scalar of the element type of `like`.
  ValueId number(double value, ValueId like) {
    if (!status_.ok()) return kNone;
    return take(r_.scalar(value, r_.type(like).dtype));
  }
  ValueId take(Result<ValueId> value) {
    if (value.ok()) return *value;
    if (status_.ok()) status_ = std::move(value).status();
    return kNone;
  }
  ValueId reshaped_like(ValueId g, ValueId x) {
    return op("Reshape", {g, shape(x)}, {{"allowzero", int64_t{1}}});
  }
  Gradients gradients(std::vector<ValueId> values) const {
    if (!status_.ok()) return status_;
    return values;
  }
  Result<ValueId> value(ValueId v) const {
    if (!status_.ok()) return status_;
    return v;
  }

 private:
  Rewriter& r_;
  Status status_;
};

template <class T>
T attribute(const Op& op, std::string_view name, T otherwise) {
  const AttrBinding* binding = op.def().find_attr(name);
  const auto value = binding == nullptr ? std::nullopt : binding->get(op.attrs());
  const T* t = value ? std::get_if<T>(&*value) : nullptr;
  return t == nullptr ? otherwise : *t;
}

// --- elementwise

Gradients identity(N n, Rewriter&) {
  std::vector<ValueId> gradients(n.inputs.size(), kNone);
  gradients[0] = n.dy;
  return gradients;
}
Gradients sum(N n, Rewriter&) { return std::vector<ValueId>(n.inputs.size(), n.dy); }
Gradients mean(N n, Rewriter& r) {
  Expr e(r);
  const ValueId part = e.div(n.dy, e.number(static_cast<double>(n.inputs.size()), n.dy));
  return e.gradients(std::vector<ValueId>(n.inputs.size(), part));
}
Gradients sub(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({n.dy, n.wanted[1] ? e.neg(n.dy) : kNone});
}
Gradients mul(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({n.wanted[0] ? e.mul(n.dy, n.inputs[1]) : kNone,
                   n.wanted[1] ? e.mul(n.dy, n.inputs[0]) : kNone});
}
// d(a / b) = da / b - (a / b) db / b
Gradients div(N n, Rewriter& r) {
  Expr e(r);
  const ValueId da = e.div(n.dy, n.inputs[1]);
  return e.gradients({da, n.wanted[1] ? e.neg(e.mul(da, n.y)) : kNone});
}
// d(a^b) = b a^(b - 1) da + a^b log(a) db, the latter where a > 0
Gradients pow(N n, Rewriter& r) {
  Expr e(r);
  const ValueId a = n.inputs[0], b = n.inputs[1];
  ValueId da = kNone, db = kNone;
  if (n.wanted[0]) {
    const ValueId factor = r.type(a).dtype == r.type(b).dtype ? b : e.op("CastLike", {b, a});
    const ValueId power = e.op("Pow", {a, e.sub(factor, e.number(1, a))});
    da = e.mul(n.dy, e.mul(factor, power));
  }
  if (n.wanted[1]) {
    const ValueId zero = e.number(0, a), one = e.number(1, a);
    const ValueId positive = e.op("Greater", {a, zero});
    const ValueId log = e.op("Log", {e.op("Where", {positive, a, one})});
    db = e.mul(n.dy, e.mul(n.y, log));
    if (r.type(a).dtype != r.type(b).dtype) db = e.op("CastLike", {db, b});
  }
  return e.gradients({da, db});
}
Gradients neg(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({e.neg(n.dy)});
}
Gradients exp(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({e.mul(n.dy, n.y)});
}
Gradients log(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({e.div(n.dy, n.inputs[0])});
}
Gradients sqrt(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({e.div(n.dy, e.mul(e.number(2, n.y), n.y))});
}
Gradients reciprocal(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({e.neg(e.mul(n.dy, e.mul(n.y, n.y)))});
}
Gradients abs(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({e.mul(n.dy, e.op("Sign", {n.inputs[0]}))});
}
Gradients sin(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({e.mul(n.dy, e.op("Cos", {n.inputs[0]}))});
}
Gradients cos(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({e.neg(e.mul(n.dy, e.op("Sin", {n.inputs[0]})))});
}
Gradients sigmoid(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({e.mul(n.dy, e.mul(n.y, e.sub(e.number(1, n.y), n.y)))});
}
Gradients tanh(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({e.mul(n.dy, e.sub(e.number(1, n.y), e.mul(n.y, n.y)))});
}
Gradients softplus(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({e.mul(n.dy, e.op("Sigmoid", {n.inputs[0]}))});
}
// erf'(x) = 2 / sqrt(pi) exp(-x^2)
Gradients erf(N n, Rewriter& r) {
  Expr e(r);
  const ValueId x = n.inputs[0], bell = e.op("Exp", {e.neg(e.mul(x, x))});
  return e.gradients({e.mul(n.dy, e.mul(e.number(2 / std::sqrt(3.14159265358979323846), x), bell))});
}
Gradients relu(N n, Rewriter& r) {
  Expr e(r);
  const ValueId zero = e.number(0, n.dy);
  return e.gradients({e.op("Where", {e.op("Greater", {n.inputs[0], zero}), n.dy, zero})});
}
Gradients where(N n, Rewriter& r) {
  Expr e(r);
  const ValueId zero = e.number(0, n.dy), condition = n.inputs[0];
  return e.gradients({kNone, n.wanted[1] ? e.op("Where", {condition, n.dy, zero}) : kNone,
                   n.wanted[2] ? e.op("Where", {condition, zero, n.dy}) : kNone});
}
Gradients cast(N n, Rewriter& r) {
  Expr e(r);
  const auto to = static_cast<int64_t>(r.type(n.inputs[0]).dtype);
  return e.gradients({e.op("Cast", {n.dy}, {{"to", to}})});
}

// --- moving and reducing

Gradients reshape(N n, Rewriter& r) {
  Expr e(r);
  std::vector<ValueId> gradients(n.inputs.size(), kNone);
  gradients[0] = e.reshaped_like(n.dy, n.inputs[0]);
  return e.gradients(std::move(gradients));
}
Gradients transpose(N n, Rewriter& r) {
  Expr e(r);
  const auto perm = attribute(n.op, "perm", std::vector<int64_t>());
  if (perm.empty()) return e.gradients({e.op("Transpose", {n.dy})});
  std::vector<int64_t> inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) {
    inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  }
  return e.gradients({e.op("Transpose", {n.dy}, {{"perm", inverse}})});
}
// The gradient of a reduction, spread over what was reduced.
ValueId spread(N n, Rewriter& r, Expr& e) {
  const ValueId x = n.inputs[0], axes = n.inputs.size() > 1 ? n.inputs[1] : kNone;
  const Type type = r.type(axes);
  const bool empty = axes == kNone || (type.has_rank() && type.rank() == 1 && //
                                       (*type.shape)[0].is_constant(0));
  if (empty && attribute(n.op, "noop_with_empty_axes", int64_t{0}) != 0) return n.dy;
  const bool kept = attribute(n.op, "keepdims", int64_t{1}) != 0;
  const ValueId dy = kept || empty ? n.dy : e.op("Unsqueeze", {n.dy, axes});
  return e.op("Expand", {dy, e.shape(x)});
}
Gradients reduce_sum(N n, Rewriter& r) {
  Expr e(r);
  return e.gradients({spread(n, r, e), kNone});
}
Gradients reduce_mean(N n, Rewriter& r) {
  Expr e(r);
  const ValueId results = e.op("Max", {e.op("Size", {n.y}), r.scalar_int(1)});
  const ValueId count = e.div(e.op("Size", {n.inputs[0]}), results);
  return e.gradients({e.div(spread(n, r, e), e.op("CastLike", {count, n.dy})), kNone});
}
// d softmax = y (dy - sum(dy y))
Gradients softmax(N n, Rewriter& r) {
  Expr e(r);
  const ValueId axis = r.ints({attribute(n.op, "axis", int64_t{-1})});
  const ValueId total = e.op("ReduceSum", {e.mul(n.dy, n.y), axis});
  return e.gradients({e.mul(n.y, e.sub(n.dy, total))});
}
// d log softmax = dy - exp(y) sum(dy)
Gradients log_softmax(N n, Rewriter& r) {
  Expr e(r);
  const ValueId axis = r.ints({attribute(n.op, "axis", int64_t{-1})});
  const ValueId total = e.op("ReduceSum", {n.dy, axis});
  return e.gradients({e.sub(n.dy, e.mul(e.op("Exp", {n.y}), total))});
}

// --- matrices

ValueId swap_last(ValueId v, size_t rank, Expr& e) {
  std::vector<int64_t> perm(rank);
  std::iota(perm.begin(), perm.end(), int64_t{0});
  std::swap(perm[rank - 1], perm[rank - 2]);
  return e.op("Transpose", {v}, {{"perm", perm}});
}
// d(A B) = dY B^T, A^T dY; vectors as matrices of one row or column
Gradients matmul(N n, Rewriter& r) {
  Expr e(r);
  const Type ta = r.type(n.inputs[0]), tb = r.type(n.inputs[1]);
  if (!ta.has_rank() || !tb.has_rank()) {
    return unsupported_op("its derivative needs the ranks of its inputs, which are not known");
  }
  const bool row = ta.rank() == 1, column = tb.rank() == 1;
  ValueId a = n.inputs[0], b = n.inputs[1], dy = n.dy;
  if (row) a = e.op("Unsqueeze", {a, r.ints({0})});
  if (column) b = e.op("Unsqueeze", {b, r.ints({1})});
  if (column) dy = e.op("Unsqueeze", {dy, r.ints({-1})});
  if (row) dy = e.op("Unsqueeze", {dy, r.ints({-2})});
  ValueId da = kNone, db = kNone;
  if (n.wanted[0]) {
    da = e.op("MatMul", {dy, swap_last(b, column ? 2 : tb.rank(), e)});
    if (row) da = e.op("Squeeze", {da, r.ints({-2})});
  }
  if (n.wanted[1]) {
    db = e.op("MatMul", {swap_last(a, row ? 2 : ta.rank(), e), dy});
    // The batches of A are summed here: what is left of a column has no axis to line up with.
    if (column) db = e.take(sum_to(db, b, r)), db = e.op("Squeeze", {db, r.ints({1})});
  }
  return e.gradients({da, db});
}
Gradients gemm(N n, Rewriter& r) {
  Expr e(r);
  const ValueId a = n.inputs[0], b = n.inputs[1];
  const int64_t ta = attribute(n.op, "transA", int64_t{0}) != 0 ? 1 : 0;
  const int64_t tb = attribute(n.op, "transB", int64_t{0}) != 0 ? 1 : 0;
  const float alpha = attribute(n.op, "alpha", 1.0f), beta = attribute(n.op, "beta", 1.0f);
  const auto product = [&](ValueId left, ValueId right, int64_t t_left, int64_t t_right) {
    return e.op("Gemm", {left, right},
                {{"transA", t_left}, {"transB", t_right}, {"alpha", alpha}});
  };
  std::vector<ValueId> gradients(n.inputs.size(), kNone);
  if (n.wanted[0]) gradients[0] = ta ? product(b, n.dy, tb, 1) : product(n.dy, b, 0, 1 - tb);
  if (n.wanted[1]) gradients[1] = tb ? product(n.dy, a, 1, ta) : product(a, n.dy, 1 - ta, 0);
  if (n.inputs.size() > 2 && n.wanted[2]) {
    gradients[2] = beta == 1 ? n.dy : e.mul(n.dy, e.number(static_cast<double>(beta), n.dy));
  }
  return e.gradients(std::move(gradients));
}

const std::map<std::string_view, Derivative>& table() {
  static const std::map<std::string_view, Derivative> rows = {
      {"Abs", abs},
      {"Add", sum},
      {"Cast", cast},
      {"CastLike", cast},
      {"Cos", cos},
      {"Div", div},
      {"Erf", erf},
      {"Exp", exp},
      {"Expand", identity},
      {"Flatten", reshape},
      {"Gemm", gemm},
      {"Identity", identity},
      {"Log", log},
      {"LogSoftmax", log_softmax},
      {"MatMul", matmul},
      {"Mean", mean},
      {"Mul", mul},
      {"Neg", neg},
      {"Pow", pow},
      {"Reciprocal", reciprocal},
      {"ReduceMean", reduce_mean},
      {"ReduceSum", reduce_sum},
      {"Relu", relu},
      {"Reshape", reshape},
      {"Sigmoid", sigmoid},
      {"Sin", sin},
      {"Softmax", softmax},
      {"Softplus", softplus},
      {"Sqrt", sqrt},
      {"Squeeze", reshape},
      {"Sub", sub},
      {"Sum", sum},
      {"Tanh", tanh},
      {"Transpose", transpose},
      {"Unsqueeze", reshape},
      {"Where", where},
  };
  return rows;
}

// The axes of `from` along which `to` was broadcast, as far as types tell.
std::optional<std::vector<int64_t>> broadcast_axes(const Type& from, const Type& to) {
  if (!from.has_rank() || !to.has_rank() || from.rank() < to.rank()) return std::nullopt;
  const size_t lead = from.rank() - to.rank();
  std::vector<int64_t> axes;
  for (size_t i = 0; i < from.rank(); ++i) {
    if (i >= lead && (*to.shape)[i - lead] == (*from.shape)[i]) continue;
    if (i >= lead && !(*to.shape)[i - lead].is_constant(1)) return std::nullopt;
    axes.push_back(static_cast<int64_t>(i));
  }
  return axes;
}

}  // namespace

Derivative derivative_of(std::string_view full_name) {
  const auto it = table().find(full_name);
  return it == table().end() ? nullptr : it->second;
}

std::string differentiable_ops() {
  std::string names;
  for (const auto& [name, rule] : table()) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  return names;
}

Result<ValueId> sum_to(ValueId gradient, ValueId x, Rewriter& r) {
  const Type from = r.type(gradient), to = r.type(x);
  Expr e(r);
  ValueId axes = kNone;
  if (const auto known = broadcast_axes(from, to)) {
    if (known->empty()) return gradient;
    axes = r.ints(*known);
  } else {
    // Which axes differ is seen when the model runs.
    const ValueId wide = e.shape(gradient), narrow = e.shape(x);
    const ValueId missing = e.sub(e.op("Size", {wide}), e.op("Size", {narrow}));
    const ValueId ones =
        e.op("Expand", {r.ints({1}), e.op("Unsqueeze", {missing, r.ints({0})})});
    const ValueId padded = e.op("Concat", {ones, narrow}, {{"axis", int64_t{0}}});
    const ValueId differs = e.op("Not", {e.op("Equal", {padded, wide})});
    axes = e.op("Reshape", {e.op("NonZero", {differs}), r.ints({-1})});
  }
  const ValueId sum = e.op("ReduceSum", {gradient, axes}, {{"noop_with_empty_axes", int64_t{1}}});
  return e.value(e.reshaped_like(sum, x));
}

Result<ValueId> filled_like(ValueId x, double value, Rewriter& r) {
  Expr e(r);
  return e.value(e.op("Expand", {e.number(value, x), e.shape(x)}));
}

}  // namespace ferry::onnx
