// SPDX-License-Identifier: Apache-2.0
#include "passes/fuse_activations.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "ops/math/clip.h"
#include "passes/match.h"

namespace ferry {
namespace {

constexpr int kMaxDepth = 6;   // of arithmetic between the result and the inner function
constexpr size_t kDegree = 4;  // coefficients per variable

// Sum over i, j of c[i][j] x^i e^j.
struct Polynomial {
  std::array<std::array<double, kDegree>, kDegree> c{};

  static Polynomial term(size_t i, size_t j, double factor = 1) {
    Polynomial p;
    p.c[i][j] = factor;
    return p;
  }
  bool is_number() const {
    for (size_t i = 0; i < kDegree; ++i) {
      for (size_t j = 0; j < kDegree; ++j) {
        if (i + j > 0 && c[i][j] != 0) return false;
      }
    }
    return true;
  }
  bool near(const Polynomial& o, double tolerance) const {
    for (size_t i = 0; i < kDegree; ++i) {
      for (size_t j = 0; j < kDegree; ++j) {
        if (!(std::abs(c[i][j] - o.c[i][j]) <= tolerance * std::abs(o.c[i][j]))) return false;
      }
    }
    return true;
  }
};

Polynomial sum(Polynomial a, const Polynomial& b, double factor) {
  for (size_t i = 0; i < kDegree; ++i) {
    for (size_t j = 0; j < kDegree; ++j) a.c[i][j] += factor * b.c[i][j];
  }
  return a;
}

std::optional<Polynomial> product(const Polynomial& a, const Polynomial& b) {
  Polynomial p;
  for (size_t i = 0; i < kDegree; ++i) {
    for (size_t j = 0; j < kDegree; ++j) {
      if (a.c[i][j] == 0) continue;
      for (size_t k = 0; k < kDegree; ++k) {
        for (size_t l = 0; l < kDegree; ++l) {
          if (b.c[k][l] == 0) continue;
          if (i + k >= kDegree || j + l >= kDegree) return std::nullopt;
          p.c[i + k][j + l] += a.c[i][j] * b.c[k][l];
        }
      }
    }
  }
  return p;
}

// Reads values as polynomials in `x` and `e`.
struct Reader {
  const Graph& g;
  ValueId x, e;

  std::optional<Polynomial> read(ValueId v, int depth = kMaxDepth) const {
    if (v == x) return Polynomial::term(1, 0);
    if (v == e) return Polynomial::term(0, 1);
    if (const Tensor* t = constant_of(g, v)) {
      const auto number = t->count() == 1 ? uniform_constant(g, v) : std::nullopt;
      if (!number || !is_floating(t->dtype())) return std::nullopt;
      return Polynomial::term(0, 0, *number);
    }
    const Node* n = g.producer(v);
    if (n == nullptr || depth == 0) return std::nullopt;
    if (is_unary(*n, UnaryKind::kNeg)) {
      const auto a = read(n->inputs[0], depth - 1);
      if (!a) return std::nullopt;
      return sum({}, *a, -1);
    }
    return n->op.as<Binary>() ? binary(*n, depth) : std::nullopt;
  }

  std::optional<Polynomial> binary(const Node& n, int depth) const {
    const auto a = read(n.inputs[0], depth - 1), b = read(n.inputs[1], depth - 1);
    if (!a || !b) return std::nullopt;
    const double number = b->c[0][0];
    switch (n.op.as<Binary>()->kind) {
      case BinaryKind::kAdd:
        return sum(*a, *b, 1);
      case BinaryKind::kSub:
        return sum(*a, *b, -1);
      case BinaryKind::kMul:
        return product(*a, *b);
      case BinaryKind::kDiv:
        if (!b->is_number() || number == 0) return std::nullopt;
        return product(*a, Polynomial::term(0, 0, 1 / number));
      case BinaryKind::kPow: {
        if (!b->is_number() || (number != 1 && number != 2 && number != 3)) return std::nullopt;
        std::optional<Polynomial> p = a;
        for (int i = 1; i < static_cast<int>(number) && p; ++i) p = product(*p, *a);
        return p;
      }
      default:
        return std::nullopt;
    }
  }
};

// Values that arithmetic starting at `v` reaches, `v` first.
void reach(const Graph& g, ValueId v, int depth, std::vector<ValueId>& out) {
  if (v == kNone || constant_of(g, v) != nullptr) return;
  if (std::find(out.begin(), out.end(), v) == out.end()) out.push_back(v);
  const Node* n = g.producer(v);
  if (n == nullptr || depth == 0) return;
  if (!n->op.as<Binary>() && !is_unary(*n, UnaryKind::kNeg)) return;
  for (ValueId w : n->inputs) reach(g, w, depth - 1, out);
}

double tolerance_of(const Graph& g, ValueId v) {
  return constant_tolerance(g.value(v).type.dtype, 2e-6);
}

// A recognised activation of `x`.
struct Found {
  Op op;
  ValueId x;
};

Op swish(double alpha) {
  Unary u = *make_op("Swish").as<Unary>();
  u.alpha = static_cast<float>(alpha);
  return make_op("Swish", u);
}

Op gelu(const char* approximate) {
  Unary u = *make_op("Gelu").as<Unary>();
  u.approximate = approximate;
  return make_op("Gelu", u);
}

// 0 and 6, in this order, as bounds of a Clip.
bool clips_to_six(const Graph& g, const Node& n) {
  const auto low = uniform_constant(g, input(n, 1)), high = uniform_constant(g, input(n, 2));
  return n.op.as<Clip>() && low && high && *low == 0 && *high == 6;
}

// What the whole must be, as a polynomial in x and e = the output of `inner`, given what goes into
// `inner` as a polynomial in x.
struct Form {
  Op op;
  Polynomial whole;
};

std::optional<Form> form_of(const Graph& g, const Node& inner, const Polynomial& argument,
                            double tolerance) {
  const auto is = [&](const Polynomial& wanted) { return argument.near(wanted, tolerance); };
  const Polynomial x = Polynomial::term(1, 0), xe = Polynomial::term(1, 1);
  const Polynomial half = sum(Polynomial::term(1, 0, 0.5), Polynomial::term(1, 1, 0.5), 1);
  if (is_unary(inner, UnaryKind::kSigmoid)) {
    const double alpha = argument.c[1][0];
    if (alpha == 0 || !is(Polynomial::term(1, 0, alpha))) return std::nullopt;
    const double near = std::abs(alpha - 1) <= tolerance ? 1 : alpha;
    // The attribute is a float: in double precision it must hold the number.
    if (std::abs(static_cast<float>(near) - near) > tolerance * std::abs(near)) return std::nullopt;
    return Form{swish(near), xe};
  }
  if (is_unary(inner, UnaryKind::kErf)) {
    if (!is(Polynomial::term(1, 0, 1 / std::numbers::sqrt2))) return std::nullopt;
    return Form{gelu("none"), half};
  }
  if (is_unary(inner, UnaryKind::kTanh)) {
    const double k = std::sqrt(2 / std::numbers::pi);
    if (!is(sum(Polynomial::term(1, 0, k), Polynomial::term(3, 0, 0.044715 * k), 1))) {
      return std::nullopt;
    }
    return Form{gelu("tanh"), half};
  }
  if (is_unary(inner, UnaryKind::kHardSigmoid)) {
    const Unary& op = *inner.op.as<Unary>();
    const bool sixth = std::abs(op.alpha - 1.0f / 6) < tolerance && op.beta == 0.5f;
    if (!sixth || !is(x)) return std::nullopt;
    return Form{make_op("HardSwish"), xe};
  }
  if (clips_to_six(g, inner)) {
    if (!is(sum(x, Polynomial::term(0, 0, 3), 1))) return std::nullopt;
    return Form{make_op("HardSwish"), Polynomial::term(1, 1, double(1.0f / 6))};
  }
  return std::nullopt;
}

bool may_be_inner(const Node& n) {
  if (n.op.as<Clip>()) return true;
  const auto* u = n.op.as<Unary>();
  return u && (u->kind == UnaryKind::kSigmoid || u->kind == UnaryKind::kErf ||
               u->kind == UnaryKind::kTanh || u->kind == UnaryKind::kHardSigmoid);
}

std::optional<Found> recognise(const Graph& g, const Node& n) {
  const double tolerance = tolerance_of(g, n.outputs[0]);
  std::vector<ValueId> values;
  reach(g, n.outputs[0], kMaxDepth, values);
  for (ValueId e : values) {
    const Node* inner = g.producer(e);
    if (inner == nullptr || !may_be_inner(*inner)) continue;
    std::vector<ValueId> candidates;
    reach(g, inner->inputs[0], kMaxDepth, candidates);
    for (ValueId x : candidates) {
      if (!same_type(g, x, n.outputs[0])) continue;
      const auto argument = Reader{g, x, kNone}.read(inner->inputs[0]);
      if (!argument) continue;
      const auto form = form_of(g, *inner, *argument, tolerance);
      if (!form) continue;
      const auto whole = Reader{g, x, e}.read(n.outputs[0]);
      if (whole && whole->near(form->whole, tolerance)) return Found{form->op, x};
    }
  }
  return std::nullopt;
}

std::optional<Patch> activation(const Graph& g, const Node& n, const PassOptions&) {
  if (!is_binary(n, BinaryKind::kMul) && !is_binary(n, BinaryKind::kDiv) &&
      !is_binary(n, BinaryKind::kAdd)) {
    return std::nullopt;
  }
  if (!is_floating(g.value(n.outputs[0]).type.dtype)) return std::nullopt;
  const auto found = recognise(g, n);
  if (!found) return std::nullopt;
  PatchBuilder p(g);
  p.replace(n.outputs[0], p.add(found->op, {found->x}));
  return std::move(p).build();
}

// 1 / (1 + exp(-x)) with any numerator: a division by it, or a Reciprocal.
std::optional<Patch> logistic(const Graph& g, const Node& n, const PassOptions&) {
  const bool division = is_binary(n, BinaryKind::kDiv);
  if (!division && !is_unary(n, UnaryKind::kReciprocal)) return std::nullopt;
  const ValueId below = n.inputs[division ? 1 : 0];
  const Node* plus = binary_producer(g, below, BinaryKind::kAdd);
  if (plus == nullptr) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    const Node* exp = unary_producer(g, plus->inputs[i], UnaryKind::kExp);
    if (exp == nullptr || !is_constant_near(g, plus->inputs[1 - i], 1)) continue;
    const Node* neg = unary_producer(g, exp->inputs[0], UnaryKind::kNeg);
    if (neg == nullptr || !same_type(g, neg->inputs[0], n.outputs[0])) continue;
    PatchBuilder p(g);
    ValueId y = p.add(make_op("Sigmoid"), {neg->inputs[0]});
    if (division && !is_constant_near(g, n.inputs[0], 1)) {
      y = p.add(make_op("Mul"), {n.inputs[0], y});
    }
    p.replace(n.outputs[0], y);
    return std::move(p).build();
  }
  return std::nullopt;
}

}  // namespace

Pass fuse_activations() {
  return {"fuse_activations", {{"logistic", logistic}, {"activation", activation}}, nullptr};
}

}  // namespace ferry
