// SPDX-License-Identifier: Apache-2.0
// DimTable: every distinct size of a program, compiled to a flat list that is evaluated in one
// sweep when the symbols of the inputs are bound.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "ferry/status.h"
#include "tensor/dim.h"

namespace ferry {

class DimTable {
 public:
  using Index = uint32_t;
  static constexpr Index kLate = UINT32_MAX;

  // Symbols that inputs bind. Others are born at run time; what depends on them is late.
  void declare_input_symbol(const std::string& name);
  // The position of a size, or kLate when it depends on a symbol that no input binds.
  Index add(const Dim& dim);

  const std::vector<std::string>& symbols() const { return symbols_; }
  // -1 when no input binds it.
  int symbol_index(std::string_view name) const;
  size_t size() const { return entries_.size(); }
  const Dim& dim(Index i) const { return entries_[i].dim; }
  // Computes all sizes. `symbols` in the order of symbols(). Errors: as Dim::eval.
  Status evaluate(std::span<const int64_t> symbols, std::vector<int64_t>& values) const;

 private:
  struct Less {
    bool operator()(const Dim& a, const Dim& b) const { return Dim::compare(a, b) < 0; }
  };
  struct Term {
    int64_t coefficient;
    std::vector<Index> factors;
  };
  struct Entry {
    Dim dim;
    std::vector<Term> terms;  // kSum only
    int symbol = -1;          // kSymbol only
  };
  std::vector<std::string> symbols_;
  std::map<std::string, int, std::less<>> symbol_index_;
  std::vector<Entry> entries_;
  std::map<Dim, Index, Less> index_;
};

}  // namespace ferry
