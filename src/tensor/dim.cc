// SPDX-License-Identifier: Apache-2.0
#include "tensor/dim.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/int128.h"
#include "base/status.h"

namespace ferry {

namespace {

// Nodes of an expression, counted as a tree, since that is how it is walked: sharing would let a
// few hundred operations make a tree of 2^100 nodes. Four times Dim::kMaxTerms.
constexpr size_t kMaxNodes = 1024;

// Takes the nodes of `d` from `left`; false when there are more.
bool take_nodes(const Dim& d, size_t& left) {
  if (left-- == 0) return false;
  if (d.is_constant()) return true;
  const auto take = [&](const Dim& part) { return take_nodes(part, left); };
  const DimExpr& e = *d.expr();
  for (const DimTerm& t : e.terms) {
    if (!std::all_of(t.factors.begin(), t.factors.end(), take)) return false;
  }
  return std::all_of(e.args.begin(), e.args.end(), take);
}

}  // namespace

struct DimBuilder {
  static Dim make(DimExpr expr) {
    Dim d = raw(std::move(expr));
    size_t left = kMaxNodes;
    return take_nodes(d, left) ? d : raw(DimExpr{});
  }
  static Dim raw(DimExpr expr) {
    Dim d;
    d.expr_ = std::make_shared<const DimExpr>(std::move(expr));
    return d;
  }
  static Dim node(DimOp op, std::vector<Dim> args) {
    return make(DimExpr{.op = op, .name = {}, .terms = {}, .args = std::move(args)});
  }
};

namespace {

constexpr int64_t kNoLow = INT64_MIN;
constexpr int64_t kNoHigh = INT64_MAX;

// An expression as constant + terms, whatever its node kind.
struct Polynomial {
  int64_t constant = 0;
  std::vector<DimTerm> terms;
};

Polynomial polynomial_of(const Dim& d) {
  if (d.is_constant()) return {d.constant(), {}};
  if (d.expr()->op == DimOp::kSum) return {d.expr()->constant, d.expr()->terms};
  return {0, {DimTerm{1, {d}}}};
}

int compare_factors(const std::vector<Dim>& a, const std::vector<Dim>& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? 1 : -1;  // higher degree first
  for (size_t i = 0; i < a.size(); ++i) {
    if (const int c = Dim::compare(a[i], b[i]); c != 0) return c;
  }
  return 0;
}

// The divisor of a term that is a remainder by a constant, else 0.
int64_t remainder_of(const DimTerm& t) {
  if (t.factors.size() != 1) return 0;
  const DimExpr& e = *t.factors[0].expr();
  return e.op == DimOp::kMod && e.args[1].is_constant() && e.args[1].constant() > 0
             ? e.args[1].constant()
             : 0;
}

bool is_multiple_of(const Dim& d, int64_t c) {
  const Polynomial p = polynomial_of(d);
  return p.constant % c == 0 && std::all_of(p.terms.begin(), p.terms.end(), [&](const DimTerm& t) {
           return t.coefficient % c == 0;
         });
}

Dim dim_of(int64_t constant, std::vector<DimTerm> terms);

// The sum without term i.
Dim without(int64_t constant, std::vector<DimTerm> terms, size_t i) {
  terms.erase(terms.begin() + static_cast<ptrdiff_t>(i));
  return dim_of(constant, std::move(terms));
}

// Sizes padded or cut to a multiple: x + mod(-x, c) = c * ceil_div(x, c) and x - mod(x, c) =
// c * floor_div(x, c). nullopt where it is no such sum.
std::optional<Dim> rounded_to_multiple(int64_t constant, const std::vector<DimTerm>& terms) {
  for (size_t i = 0; i < terms.size(); ++i) {
    const int64_t sign = terms[i].coefficient, c = remainder_of(terms[i]);
    if (c == 0 || (sign != 1 && sign != -1)) continue;
    const Dim x = without(constant, terms, i);
    const Dim sum = x + terms[i].factors[0].expr()->args[0] * Dim(sign);
    if (sum.is_invalid() || !is_multiple_of(sum, c)) continue;
    const Polynomial p = polynomial_of(x);
    const int64_t of = !p.terms.empty() && p.terms[0].coefficient < 0 ? -1 : 1;
    const Dim y = x * Dim(of);
    return (sign == of ? ceil_div(y, c) : floor_div(y, c)) * Dim(c * of);
  }
  return std::nullopt;
}

// Sorts, merges equal monomials, drops zeros and picks the simplest node.
Dim dim_of(int64_t constant, std::vector<DimTerm> terms) {
  std::sort(terms.begin(), terms.end(), [](const DimTerm& a, const DimTerm& b) {
    return compare_factors(a.factors, b.factors) < 0;
  });
  std::vector<DimTerm> merged;
  for (DimTerm& t : terms) {
    if (!merged.empty() && compare_factors(merged.back().factors, t.factors) == 0) {
      if (__builtin_add_overflow(merged.back().coefficient, t.coefficient,
                                 &merged.back().coefficient)) {
        return Dim::invalid();
      }
    } else {
      merged.push_back(std::move(t));
    }
  }
  std::erase_if(merged, [](const DimTerm& t) { return t.coefficient == 0; });
  if (merged.empty()) return constant;
  if (merged.size() > Dim::kMaxTerms) return Dim::invalid();
  if (constant == 0 && merged.size() == 1 && merged[0].coefficient == 1 &&
      merged[0].factors.size() == 1) {
    return merged[0].factors[0];
  }
  if (std::optional<Dim> whole = rounded_to_multiple(constant, merged)) return *std::move(whole);
  return DimBuilder::make(DimExpr{
      .op = DimOp::kSum, .name = {}, .constant = constant, .terms = std::move(merged), .args = {}});
}

bool multiply_terms(const DimTerm& a, const DimTerm& b, DimTerm& out) {
  if (__builtin_mul_overflow(a.coefficient, b.coefficient, &out.coefficient)) return false;
  out.factors = a.factors;
  out.factors.insert(out.factors.end(), b.factors.begin(), b.factors.end());
  std::sort(out.factors.begin(), out.factors.end(),
            [](const Dim& x, const Dim& y) { return Dim::compare(x, y) < 0; });
  return out.factors.size() <= 32;  // products of more atoms than that are not shapes
}

int64_t saturating(int128 v) {
  if (v <= static_cast<int128>(INT64_MIN)) return INT64_MIN;
  if (v >= static_cast<int128>(INT64_MAX)) return INT64_MAX;
  return static_cast<int64_t>(v);
}

int64_t floor_divide(int64_t a, int64_t b) {
  const int64_t q = a / b;
  return (a % b != 0 && ((a < 0) != (b < 0))) ? q - 1 : q;
}

// Has the sign of b, which is neither 0 nor -1.
int64_t floor_modulo(int64_t a, int64_t b) {
  const int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

struct Interval {
  int64_t low = kNoLow;
  int64_t high = kNoHigh;
};

Interval interval_of(const Dim& d);

Interval times(Interval a, Interval b) {
  // Infinite ends are treated as the largest magnitudes and saturate.
  const int128 p[] = {static_cast<int128>(a.low) * b.low, static_cast<int128>(a.low) * b.high,
                      static_cast<int128>(a.high) * b.low, static_cast<int128>(a.high) * b.high};
  return {saturating(*std::min_element(p, p + 4)), saturating(*std::max_element(p, p + 4))};
}

Interval plus(Interval a, Interval b) {
  Interval r;
  r.low =
      a.low == kNoLow || b.low == kNoLow ? kNoLow : saturating(static_cast<int128>(a.low) + b.low);
  r.high = a.high == kNoHigh || b.high == kNoHigh
               ? kNoHigh
               : saturating(static_cast<int128>(a.high) + b.high);
  return r;
}

Interval interval_of_sum(const DimExpr& e) {
  Interval sum{e.constant, e.constant};
  for (const DimTerm& t : e.terms) {
    Interval product{t.coefficient, t.coefficient};
    for (const Dim& f : t.factors) product = times(product, interval_of(f));
    sum = plus(sum, product);
  }
  return sum;
}

// Of a value that is one of these.
Interval interval_of_any(const std::vector<Dim>& dims) {
  Interval any{kNoHigh, kNoLow};
  for (const Dim& d : dims) {
    const Interval one = interval_of(d);
    any = {std::min(any.low, one.low), std::max(any.high, one.high)};
  }
  return any;
}

Interval interval_of(const Dim& d) {
  if (d.is_constant()) return {d.constant(), d.constant()};
  const DimExpr& e = *d.expr();
  const auto arg = [&](size_t i) { return interval_of(e.args[i]); };
  switch (e.op) {
    case DimOp::kInvalid:
      return {};
    case DimOp::kSymbol:
      return {0, kNoHigh};
    case DimOp::kSum:
      return interval_of_sum(e);
    case DimOp::kFloorDiv:
    case DimOp::kCeilDiv: {
      const Interval a = arg(0), b = arg(1);
      if (a.low < 0 || b.low < 0) return {};
      return {0, a.high};
    }
    case DimOp::kMod: {
      const Interval b = arg(1);
      if (b.low < 0) return {};
      return {0, b.high == kNoHigh ? kNoHigh : std::max<int64_t>(b.high - 1, 0)};
    }
    case DimOp::kMin: {
      const Interval a = arg(0), b = arg(1);
      return {std::min(a.low, b.low), std::min(a.high, b.high)};
    }
    case DimOp::kMax: {
      const Interval a = arg(0), b = arg(1);
      return {std::max(a.low, b.low), std::max(a.high, b.high)};
    }
    case DimOp::kFloorScale:
      return {arg(0).low >= 0 && e.scale >= 0 ? 0 : kNoLow, kNoHigh};
    case DimOp::kBroadcast:
      return interval_of_any(e.args);
    case DimOp::kSelectEqual: {
      const Interval a = arg(2), b = arg(3);
      return {std::min(a.low, b.low), std::max(a.high, b.high)};
    }
  }
  return {};
}

bool any_invalid(std::initializer_list<const Dim*> dims) {
  return std::any_of(dims.begin(), dims.end(), [](const Dim* d) { return d->is_invalid(); });
}

// Splits p into the part whose coefficients `c` divides and the rest.
void split_by_divisor(const Polynomial& p, int64_t c, Polynomial& whole, Polynomial& rest) {
  whole.constant = floor_divide(p.constant, c);
  rest.constant = p.constant - whole.constant * c;
  for (const DimTerm& t : p.terms) {
    if (t.coefficient % c == 0) {
      whole.terms.push_back({t.coefficient / c, t.factors});
    } else {
      const int64_t q = floor_divide(t.coefficient, c);
      if (q != 0) whole.terms.push_back({q, t.factors});
      rest.terms.push_back({t.coefficient - q * c, t.factors});
    }
  }
}

// a / b when b is a single monomial that divides every term of a.
bool divide_exactly(const Dim& a, const Dim& b, Dim& out) {
  const Polynomial pa = polynomial_of(a), pb = polynomial_of(b);
  if (pb.constant != 0 || pb.terms.size() != 1 || pa.constant != 0) return false;
  const DimTerm& divisor = pb.terms[0];
  std::vector<DimTerm> terms;
  for (const DimTerm& t : pa.terms) {
    if (t.coefficient % divisor.coefficient != 0) return false;
    DimTerm q{t.coefficient / divisor.coefficient, t.factors};
    for (const Dim& f : divisor.factors) {
      const auto it = std::find(q.factors.begin(), q.factors.end(), f);
      if (it == q.factors.end()) return false;
      q.factors.erase(it);
    }
    terms.push_back(std::move(q));
  }
  int64_t constant = 0;
  std::vector<DimTerm> symbolic;
  for (DimTerm& t : terms) {
    if (t.factors.empty())
      constant += t.coefficient;
    else
      symbolic.push_back(std::move(t));
  }
  out = dim_of(constant, std::move(symbolic));
  return true;
}

// Quotient of two expressions that are multiples of the same polynomial: k*p / m*p.
bool divide_multiples(const Dim& a, const Dim& b, Dim& out) {
  const Polynomial pa = polynomial_of(a), pb = polynomial_of(b);
  if (pa.terms.size() != pb.terms.size() || pb.terms.empty()) return false;
  const int64_t c = pb.terms[0].coefficient;
  if (pa.terms[0].coefficient % c != 0) return false;
  const int64_t k = pa.terms[0].coefficient / c;
  if (!(b * Dim(k) == a)) return false;
  out = k;
  return true;
}

}  // namespace

Dim Dim::symbol(std::string name) {
  return DimBuilder::make(
      DimExpr{.op = DimOp::kSymbol, .name = std::move(name), .terms = {}, .args = {}});
}

Dim Dim::invalid() {
  static const Dim poison = DimBuilder::make(DimExpr{});
  return poison;
}

bool Dim::is_symbol() const noexcept { return expr_ && expr_->op == DimOp::kSymbol; }
const std::string& Dim::symbol_name() const { return expr_->name; }
bool Dim::is_invalid() const noexcept { return expr_ && expr_->op == DimOp::kInvalid; }

int Dim::compare(const Dim& a, const Dim& b) {
  if (a.expr_ == b.expr_) {
    return a.expr_ ? 0 : (a.constant_ < b.constant_ ? -1 : a.constant_ > b.constant_);
  }
  if (!a.expr_ || !b.expr_) return a.expr_ ? 1 : -1;
  const DimExpr &x = *a.expr_, &y = *b.expr_;
  if (x.op != y.op) return x.op < y.op ? -1 : 1;
  if (const int c = x.name.compare(y.name); c != 0) return c;
  if (x.constant != y.constant) return x.constant < y.constant ? -1 : 1;
  if (x.scale != y.scale) return x.scale < y.scale ? -1 : 1;
  if (x.terms.size() != y.terms.size()) return x.terms.size() < y.terms.size() ? -1 : 1;
  for (size_t i = 0; i < x.terms.size(); ++i) {
    if (const int c = compare_factors(x.terms[i].factors, y.terms[i].factors); c != 0) return c;
    const int64_t p = x.terms[i].coefficient, q = y.terms[i].coefficient;
    if (p != q) return p < q ? -1 : 1;
  }
  if (x.args.size() != y.args.size()) return x.args.size() < y.args.size() ? -1 : 1;
  for (size_t i = 0; i < x.args.size(); ++i) {
    if (const int c = compare(x.args[i], y.args[i]); c != 0) return c;
  }
  return 0;
}

Dim operator+(const Dim& a, const Dim& b) {
  if (any_invalid({&a, &b})) return Dim::invalid();
  Polynomial p = polynomial_of(a);
  Polynomial q = polynomial_of(b);
  if (__builtin_add_overflow(p.constant, q.constant, &p.constant)) return Dim::invalid();
  p.terms.insert(p.terms.end(), q.terms.begin(), q.terms.end());
  return dim_of(p.constant, std::move(p.terms));
}

Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

Dim operator*(const Dim& a, const Dim& b) {
  if (any_invalid({&a, &b})) return Dim::invalid();
  if (a.is_constant(0) || b.is_constant(0)) return 0;
  const Polynomial p = polynomial_of(a), q = polynomial_of(b);
  if ((p.terms.size() + 1) * (q.terms.size() + 1) > 4 * Dim::kMaxTerms) return Dim::invalid();
  int64_t constant = 0;
  if (__builtin_mul_overflow(p.constant, q.constant, &constant)) return Dim::invalid();
  std::vector<DimTerm> terms;
  const auto scale = [&](const std::vector<DimTerm>& from, int64_t by) {
    for (const DimTerm& t : from) {
      DimTerm s = t;
      if (__builtin_mul_overflow(s.coefficient, by, &s.coefficient)) return false;
      terms.push_back(std::move(s));
    }
    return true;
  };
  if (!scale(p.terms, q.constant) || !scale(q.terms, p.constant)) return Dim::invalid();
  for (const DimTerm& t : p.terms) {
    for (const DimTerm& u : q.terms) {
      DimTerm product;
      if (!multiply_terms(t, u, product)) return Dim::invalid();
      terms.push_back(std::move(product));
    }
  }
  return dim_of(constant, std::move(terms));
}

int64_t Dim::lower_bound() const { return interval_of(*this).low; }
int64_t Dim::upper_bound() const { return interval_of(*this).high; }

bool Dim::known_different(const Dim& a, const Dim& b) {
  const Dim difference = a - b;
  if (difference.is_invalid()) return false;
  const Interval i = interval_of(difference);
  return i.low > 0 || i.high < 0;
}

bool Dim::known_at_least(const Dim& a, const Dim& b) {
  const Dim difference = a - b;
  return !difference.is_invalid() && interval_of(difference).low >= 0;
}

Dim floor_div(const Dim& a, const Dim& b) {
  if (any_invalid({&a, &b}) || b.is_constant(0)) return Dim::invalid();
  if (b.is_constant(1)) return a;
  if (a.is_constant() && b.is_constant()) {
    if (b.constant() == -1) return a * Dim(-1);
    return floor_divide(a.constant(), b.constant());
  }
  if (!b.is_constant()) {
    // Sizes of zero make x / x undefined at run time; the guard is the eval of the divisor's users.
    Dim q;
    if (a == b) return 1;
    if (divide_exactly(a, b, q) || divide_multiples(a, b, q)) return q;
    return DimBuilder::node(DimOp::kFloorDiv, {a, b});
  }
  const int64_t c = b.constant();
  if (c < 0) return DimBuilder::node(DimOp::kFloorDiv, {a, b});
  Polynomial whole, rest;
  split_by_divisor(polynomial_of(a), c, whole, rest);
  Dim quotient = dim_of(whole.constant, std::move(whole.terms));
  const Dim remainder = dim_of(rest.constant, std::move(rest.terms));
  if (remainder.is_constant() || (remainder.lower_bound() >= 0 && remainder.upper_bound() < c)) {
    return quotient;
  }
  // floor((floor(x / m) + r) / c) = floor((x + r m) / (m c)) for positive m, c.
  const Polynomial p = polynomial_of(remainder);
  if (p.terms.size() == 1 && p.terms[0].coefficient == 1 && p.terms[0].factors.size() == 1) {
    const DimExpr& inner = *p.terms[0].factors[0].expr();
    if (inner.op == DimOp::kFloorDiv && inner.args[1].is_constant() &&
        inner.args[1].constant() > 0) {
      return quotient +
             floor_div(inner.args[0] + inner.args[1] * Dim(p.constant), inner.args[1] * b);
    }
  }
  return quotient + DimBuilder::node(DimOp::kFloorDiv, {remainder, b});
}

Dim ceil_div(const Dim& a, const Dim& b) {
  if (b.is_constant() && b.constant() > 0) return floor_div(a + (b - Dim(1)), b);
  if (a == b && !a.is_invalid()) return 1;
  return Dim(0) - floor_div(Dim(0) - a, b);
}

Dim mod(const Dim& a, const Dim& b) {
  if (any_invalid({&a, &b}) || b.is_constant(0)) return Dim::invalid();
  if (a == b || b.is_constant(1) || b.is_constant(-1)) return 0;
  if (a.is_constant() && b.is_constant()) {
    return floor_modulo(a.constant(), b.constant());
  }
  if (!b.is_constant() || b.constant() < 0) return DimBuilder::node(DimOp::kMod, {a, b});
  // mod(k mod(x, c), c) = mod(k x, c)
  const Polynomial p = polynomial_of(a);
  for (size_t i = 0; i < p.terms.size(); ++i) {
    const DimTerm& t = p.terms[i];
    const int64_t c = remainder_of(t);
    if (c == 0 || c % b.constant() != 0) continue;
    const Dim x = t.factors[0].expr()->args[0];
    return mod(without(p.constant, p.terms, i) + x * Dim(t.coefficient), b);
  }
  Polynomial whole, rest;
  split_by_divisor(p, b.constant(), whole, rest);
  Dim remainder = dim_of(rest.constant, std::move(rest.terms));
  if (remainder.is_constant() ||
      (remainder.lower_bound() >= 0 && remainder.upper_bound() < b.constant())) {
    return remainder;
  }
  return DimBuilder::node(DimOp::kMod, {remainder, b});
}

Dim min(const Dim& a, const Dim& b) {
  if (any_invalid({&a, &b})) return Dim::invalid();
  if (Dim::known_at_least(b, a)) return a;
  if (Dim::known_at_least(a, b)) return b;
  return Dim::compare(a, b) < 0 ? DimBuilder::node(DimOp::kMin, {a, b})
                                : DimBuilder::node(DimOp::kMin, {b, a});
}

Dim max(const Dim& a, const Dim& b) {
  if (any_invalid({&a, &b})) return Dim::invalid();
  if (Dim::known_at_least(a, b)) return a;
  if (Dim::known_at_least(b, a)) return b;
  return Dim::compare(a, b) < 0 ? DimBuilder::node(DimOp::kMax, {a, b})
                                : DimBuilder::node(DimOp::kMax, {b, a});
}

namespace {

Result<int64_t> scale_size(int64_t a, float scale) {
  const float scaled = std::floor(static_cast<float>(a) * scale);
  if (!(scaled >= -9.2e18f && scaled <= 9.2e18f)) {
    return limit_exceeded("{} scaled by {} overflows 64 bits", a, scale);
  }
  return static_cast<int64_t>(scaled);
}

}  // namespace

Dim floor_scale(const Dim& a, float scale) {
  if (a.is_invalid()) return a;
  if (scale >= 0 && scale == std::floor(scale) && scale < 1e6f) {
    return a * Dim(static_cast<int64_t>(scale));
  }
  if (a.is_constant()) {
    const Result<int64_t> v = scale_size(a.constant(), scale);
    return v.ok() ? Dim(*v) : Dim::invalid();
  }
  // 1 / 2^k is exact in float, so the result is a floor division.
  const float inverse = 1.0f / scale;
  if (scale > 0 && inverse <= 0x1p62f && inverse == std::floor(inverse) &&
      std::exp2(std::round(std::log2(inverse))) == inverse) {
    return floor_div(a, static_cast<int64_t>(inverse));
  }
  return DimBuilder::make(
      DimExpr{.op = DimOp::kFloorScale, .name = {}, .terms = {}, .args = {a}, .scale = scale});
}

namespace {

bool is_broadcast(const Dim& d) { return d.expr() != nullptr && d.expr()->op == DimOp::kBroadcast; }

// True when `d` is min(a, b) of a side a, and b is not 0: d is then a, or 1, or no such broadcast
// exists, and a is its size in each case.
bool is_cut_of_a_side(const Dim& d, const std::vector<Dim>& sides) {
  if (d.is_constant() || d.expr()->op != DimOp::kMin) return false;
  const std::vector<Dim>& of = d.expr()->args;
  for (size_t i = 0; i < 2; ++i) {
    const bool is_side = std::find(sides.begin(), sides.end(), of[i]) != sides.end();
    if (is_side && of[1 - i].lower_bound() > 0) return true;
  }
  return false;
}

// Too large for 1, or a multiple of another number.
bool is_never_one(const Dim& d) {
  if (d.lower_bound() > 1) return true;
  const auto magnitude = [](int64_t v) { return v < 0 ? 0 - uint64_t(v) : uint64_t(v); };
  const Polynomial p = polynomial_of(d);
  uint64_t divisor = magnitude(p.constant);
  for (const DimTerm& t : p.terms) divisor = std::gcd(divisor, magnitude(t.coefficient));
  return divisor > 1;
}

}  // namespace

Dim broadcast(const Dim& a, const Dim& b) {
  if (any_invalid({&a, &b})) return Dim::invalid();
  if (a == b || b.is_constant(1)) return a;
  if (a.is_constant(1)) return b;
  // A known size other than 1 wins: the other side must equal it or be 1.
  if (a.is_constant()) return a;
  if (b.is_constant()) return b;
  const bool given = is_never_one(a), other = is_never_one(b);
  // Of two that must be equal, the same whichever comes first.
  if (given && other) return Dim::compare(a, b) < 0 ? a : b;
  if (given || other) return given ? a : b;
  // One flat set, since the order of broadcasts does not matter and a repeated one says nothing.
  std::vector<Dim> sides;
  for (const Dim* d : {&a, &b}) {
    if (is_broadcast(*d)) {
      sides.insert(sides.end(), d->expr()->args.begin(), d->expr()->args.end());
    } else {
      sides.push_back(*d);
    }
  }
  std::sort(sides.begin(), sides.end(),
            [](const Dim& x, const Dim& y) { return Dim::compare(x, y) < 0; });
  sides.erase(std::unique(sides.begin(), sides.end()), sides.end());
  const std::vector<Dim> all = sides;
  std::erase_if(sides, [&](const Dim& d) { return is_cut_of_a_side(d, all); });
  if (sides.size() == 1) return sides[0];
  return DimBuilder::node(DimOp::kBroadcast, std::move(sides));
}

Dim select_equal(const Dim& a, const Dim& b, const Dim& x, const Dim& y) {
  if (any_invalid({&a, &b, &x, &y})) return Dim::invalid();
  if (a == b || x == y) return x;
  if (Dim::known_different(a, b)) return y;
  return DimBuilder::node(DimOp::kSelectEqual, {a, b, x, y});
}

namespace {

Result<int64_t> eval_sum(const DimExpr& e, const SymbolLookup& lookup) {
  int64_t sum = e.constant;
  for (const DimTerm& t : e.terms) {
    int64_t product = t.coefficient;
    for (const Dim& f : t.factors) {
      FERRY_ASSIGN_OR_RETURN(const int64_t v, f.eval(lookup));
      if (__builtin_mul_overflow(product, v, &product)) {
        return limit_exceeded("a size overflows 64 bits");
      }
    }
    if (__builtin_add_overflow(sum, product, &sum)) {
      return limit_exceeded("a size overflows 64 bits");
    }
  }
  return sum;
}

Result<int64_t> eval_broadcast(const DimExpr& e, const SymbolLookup& lookup) {
  int64_t size = 1;
  size_t from = 0;
  for (size_t i = 0; i < e.args.size(); ++i) {
    FERRY_ASSIGN_OR_RETURN(const int64_t v, e.args[i].eval(lookup));
    if (v == 1 || v == size) continue;
    if (size != 1) {
      return shape_mismatch("{} is {} and {} is {}: they must be equal, or one of them 1",
                            e.args[from].to_string(), size, e.args[i].to_string(), v);
    }
    size = v;
    from = i;
  }
  return size;
}

Result<int64_t> eval_op(const Dim& d, const DimExpr& e, const SymbolLookup& lookup) {
  if (e.op == DimOp::kBroadcast) return eval_broadcast(e, lookup);
  int64_t v[4] = {};
  for (size_t i = 0; i < e.args.size(); ++i) {
    FERRY_ASSIGN_OR_RETURN(v[i], e.args[i].eval(lookup));
  }
  switch (e.op) {
    case DimOp::kFloorDiv:
    case DimOp::kCeilDiv:
    case DimOp::kMod: {
      if (v[1] == 0) return shape_mismatch("{}: division by a size of zero", d.to_string());
      if (v[1] == -1) {
        if (v[0] == INT64_MIN) return limit_exceeded("a size overflows 64 bits");
        return e.op == DimOp::kMod ? 0 : -v[0];
      }
      if (e.op == DimOp::kMod) return floor_modulo(v[0], v[1]);
      const int64_t q = floor_divide(v[0], v[1]);
      return e.op == DimOp::kCeilDiv && v[0] % v[1] != 0 ? q + 1 : q;
    }
    case DimOp::kMin:
      return std::min(v[0], v[1]);
    case DimOp::kMax:
      return std::max(v[0], v[1]);
    case DimOp::kFloorScale:
      return scale_size(v[0], e.scale);
    case DimOp::kSelectEqual:
      return v[0] == v[1] ? v[2] : v[3];
    default:
      return internal_error("a size that is not known symbolically was evaluated");
  }
}

}  // namespace

Result<int64_t> Dim::eval(const SymbolLookup& lookup) const {
  if (!expr_) return constant_;
  if (expr_->op == DimOp::kSum) return eval_sum(*expr_, lookup);
  if (expr_->op == DimOp::kSymbol) {
    if (const int64_t* v = lookup(expr_->name)) return *v;
    return invalid_argument("the size '{}' is not bound", expr_->name);
  }
  return eval_op(*this, *expr_, lookup);
}

Dim Dim::substitute(const std::function<const Dim*(std::string_view)>& lookup) const {
  if (!expr_) return *this;
  const DimExpr& e = *expr_;
  const auto arg = [&](size_t i) { return e.args[i].substitute(lookup); };
  switch (e.op) {
    case DimOp::kInvalid:
      return *this;
    case DimOp::kSymbol: {
      const Dim* v = lookup(e.name);
      return v != nullptr ? *v : *this;
    }
    case DimOp::kSum: {
      Dim sum = e.constant;
      for (const DimTerm& t : e.terms) {
        Dim product = t.coefficient;
        for (const Dim& f : t.factors) product = product * f.substitute(lookup);
        sum = sum + product;
      }
      return sum;
    }
    case DimOp::kFloorDiv:
      return floor_div(arg(0), arg(1));
    case DimOp::kCeilDiv:
      return ceil_div(arg(0), arg(1));
    case DimOp::kMod:
      return mod(arg(0), arg(1));
    case DimOp::kMin:
      return min(arg(0), arg(1));
    case DimOp::kMax:
      return max(arg(0), arg(1));
    case DimOp::kFloorScale:
      return floor_scale(arg(0), e.scale);
    case DimOp::kBroadcast: {
      Dim all = 1;
      for (size_t i = 0; i < e.args.size(); ++i) all = broadcast(all, arg(i));
      return all;
    }
    case DimOp::kSelectEqual:
      return select_equal(arg(0), arg(1), arg(2), arg(3));
  }
  return *this;
}

void Dim::for_each_symbol(const std::function<void(const std::string&)>& visit) const {
  if (!expr_) return;
  if (expr_->op == DimOp::kSymbol) visit(expr_->name);
  for (const DimTerm& t : expr_->terms) {
    for (const Dim& f : t.factors) f.for_each_symbol(visit);
  }
  for (const Dim& a : expr_->args) a.for_each_symbol(visit);
}

namespace {

std::string term_text(const DimTerm& t) {
  std::string text;
  if (t.coefficient == -1)
    text = "-";
  else if (t.coefficient != 1)
    text = std::to_string(t.coefficient) + "*";
  for (size_t i = 0; i < t.factors.size(); ++i) {
    if (i > 0) text += "*";
    text += t.factors[i].to_string();
  }
  return text;
}

}  // namespace

std::string Dim::to_string() const {
  if (!expr_) return std::to_string(constant_);
  const DimExpr& e = *expr_;
  if (e.op == DimOp::kSymbol) return e.name;
  if (e.op == DimOp::kSum) {
    std::string text;
    for (const DimTerm& t : e.terms) {
      const std::string piece = term_text(t);
      if (!text.empty() && piece[0] != '-') text += "+";
      text += piece;
    }
    if (e.constant > 0) text += "+";
    if (e.constant != 0) text += std::to_string(e.constant);
    return text;
  }
  static constexpr const char* kNames[] = {"?",           "",    "",    "floordiv",   "ceildiv",
                                           "mod",         "min", "max", "floorscale", "broadcast",
                                           "select_equal"};
  std::string text = std::string(kNames[static_cast<size_t>(e.op)]) + "(";
  for (size_t i = 0; i < e.args.size(); ++i) text += (i > 0 ? ", " : "") + e.args[i].to_string();
  if (e.op == DimOp::kFloorScale) text += fmt::format(", {}", e.scale);
  return e.op == DimOp::kInvalid ? "?" : text + ")";
}

}  // namespace ferry
