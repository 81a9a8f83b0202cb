// SPDX-License-Identifier: Apache-2.0
#include "plan/dim_table.h"

#include "base/status.h"

namespace ferry {

void DimTable::declare_input_symbol(const std::string& name) {
  if (symbol_index_.emplace(name, static_cast<int>(symbols_.size())).second) {
    symbols_.push_back(name);
  }
}

int DimTable::symbol_index(std::string_view name) const {
  const auto it = symbol_index_.find(name);
  return it == symbol_index_.end() ? -1 : it->second;
}

DimTable::Index DimTable::add(const Dim& dim) {
  if (const auto it = index_.find(dim); it != index_.end()) return it->second;
  Entry entry;
  entry.dim = dim;
  bool late = dim.is_invalid();
  if (dim.is_symbol()) {
    entry.symbol = symbol_index(dim.symbol_name());
    late = entry.symbol < 0;
  } else if (!dim.is_constant() && dim.expr()->op == DimOp::kSum) {
    for (const DimTerm& t : dim.expr()->terms) {
      Term term{t.coefficient, {}};
      for (const Dim& f : t.factors) {
        term.factors.push_back(add(f));
        late = late || term.factors.back() == kLate;
      }
      entry.terms.push_back(std::move(term));
    }
  } else {
    dim.for_each_symbol([&](const std::string& s) { late = late || symbol_index(s) < 0; });
  }
  const Index index = late ? kLate : static_cast<Index>(entries_.size());
  if (!late) entries_.push_back(std::move(entry));
  index_.emplace(dim, index);
  return index;
}

Status DimTable::evaluate(std::span<const int64_t> symbols, std::vector<int64_t>& values) const {
  values.resize(entries_.size());
  const SymbolLookup lookup = [&](std::string_view name) -> const int64_t* {
    const int i = symbol_index(name);
    return i < 0 ? nullptr : &symbols[static_cast<size_t>(i)];
  };
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Entry& e = entries_[i];
    if (e.dim.is_constant()) {
      values[i] = e.dim.constant();
    } else if (e.symbol >= 0) {
      values[i] = symbols[static_cast<size_t>(e.symbol)];
    } else if (!e.terms.empty()) {
      int64_t sum = e.dim.expr()->constant;
      for (const Term& t : e.terms) {
        int64_t product = t.coefficient;
        bool overflow = false;
        for (Index f : t.factors) overflow |= __builtin_mul_overflow(product, values[f], &product);
        if (overflow || __builtin_add_overflow(sum, product, &sum)) {
          return limit_exceeded("the size {} overflows 64 bits", e.dim.to_string());
        }
      }
      values[i] = sum;
    } else {
      FERRY_ASSIGN_OR_RETURN(values[i], e.dim.eval(lookup));
    }
  }
  return {};
}

}  // namespace ferry
