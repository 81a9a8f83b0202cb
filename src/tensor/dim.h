// SPDX-License-Identifier: Apache-2.0
// Dim: an integer expression over named symbols; the dimensions and shape arithmetic of a graph.
//
// Every expression is kept in one normal form: a polynomial with integer coefficients over atoms,
// where an atom is a symbol or an operation that polynomials cannot express (floor division, min,
// ...). Two expressions are equal when their normal forms are. Symbols are sizes: never negative.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ferry/status.h"

namespace ferry {

struct DimExpr;

// Values of symbols: looks a name up, or returns nullptr when it is unbound.
using SymbolLookup = std::function<const int64_t*(std::string_view)>;

class Dim {
 public:
  // Expressions that would grow over this many terms become `invalid`; shape rules replace them by
  // a fresh symbol. 256 is ten times what any exported model was seen to need.
  static constexpr size_t kMaxTerms = 256;

  Dim() noexcept = default;
  Dim(int64_t value) noexcept : constant_(value) {}  // NOLINT: implicit by design
  static Dim symbol(std::string name);
  // The result of an operation that overflowed or grew too large.
  static Dim invalid();

  bool is_constant() const noexcept { return expr_ == nullptr; }
  bool is_constant(int64_t v) const noexcept { return expr_ == nullptr && constant_ == v; }
  int64_t constant() const noexcept { return constant_; }
  bool is_symbol() const noexcept;
  const std::string& symbol_name() const;  // requires is_symbol()
  bool is_invalid() const noexcept;

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  friend bool operator==(const Dim& a, const Dim& b) { return compare(a, b) == 0; }
  // A total order without meaning, for canonical sorting.
  static int compare(const Dim& a, const Dim& b);

  // Inclusive bounds that hold for all values of the symbols; INT64_MIN / INT64_MAX when open.
  int64_t lower_bound() const;
  int64_t upper_bound() const;
  // True when the difference is provably not zero / the first provably at least the second.
  static bool known_different(const Dim& a, const Dim& b);
  static bool known_at_least(const Dim& a, const Dim& b);

  // The value under `lookup`. Errors: kInvalidArgument for an unbound symbol, kLimitExceeded for
  // overflow, kShapeMismatch for a broadcast whose sides disagree or a division by zero.
  Result<int64_t> eval(const SymbolLookup& lookup) const;
  Dim substitute(const std::function<const Dim*(std::string_view)>& lookup) const;
  void for_each_symbol(const std::function<void(const std::string&)>& visit) const;
  std::string to_string() const;
  const DimExpr* expr() const noexcept { return expr_.get(); }

 private:
  friend struct DimBuilder;
  int64_t constant_ = 0;
  std::shared_ptr<const DimExpr> expr_;
};

Dim floor_div(const Dim& a, const Dim& b);
Dim ceil_div(const Dim& a, const Dim& b);
Dim mod(const Dim& a, const Dim& b);  // sign of the divisor, as Python's %
Dim min(const Dim& a, const Dim& b);
Dim max(const Dim& a, const Dim& b);
// floor(a * scale), computed in float as ONNX Resize and Upsample do.
Dim floor_scale(const Dim& a, float scale);
// The dimension that two dimensions broadcast to; at run time they must be equal or one of them 1.
Dim broadcast(const Dim& a, const Dim& b);
// `x` when a == b, else `y`.
Dim select_equal(const Dim& a, const Dim& b, const Dim& x, const Dim& y);

enum class DimOp : uint8_t {
  kInvalid,
  kSymbol,
  kSum,  // constant + sum of coefficient * product of factors
  kFloorDiv,
  kCeilDiv,
  kMod,
  kMin,
  kMax,
  kFloorScale,
  kBroadcast,
  kSelectEqual,
};

struct DimTerm {
  int64_t coefficient = 1;
  std::vector<Dim> factors;  // atoms in canonical order; at least one
};

// Immutable node of an expression. A kSum is never nested in a kSum; every other node is an atom.
struct DimExpr {
  DimOp op = DimOp::kInvalid;
  std::string name;            // kSymbol
  int64_t constant = 0;        // kSum
  std::vector<DimTerm> terms;  // kSum, in canonical order
  std::vector<Dim> args;       // the others
  float scale = 1;             // kFloorScale
};

}  // namespace ferry
