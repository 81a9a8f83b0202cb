// SPDX-License-Identifier: Apache-2.0
// Permutations of axes as Transpose has them: axis k of y is axis perm[k] of x.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/tensor/transpose.h"
#include "passes/match.h"

namespace ferry {

using Permutation = std::vector<int64_t>;

inline bool is_identity(const Permutation& p) {
  for (size_t k = 0; k < p.size(); ++k) {
    if (p[k] != static_cast<int64_t>(k)) return false;
  }
  return true;
}

inline Permutation inverse(const Permutation& p) {
  Permutation q(p.size());
  for (size_t k = 0; k < p.size(); ++k) q[static_cast<size_t>(p[k])] = static_cast<int64_t>(k);
  return q;
}

// First `a`, then `b`.
inline Permutation compose(const Permutation& a, const Permutation& b) {
  Permutation c;
  for (int64_t k : b) c.push_back(a[static_cast<size_t>(k)]);
  return c;
}

// From [N, spatial..., C] to [N, C, spatial...].
inline Permutation channels_first(size_t rank) {
  Permutation p = {0, static_cast<int64_t>(rank) - 1};
  for (size_t a = 1; a + 1 < rank; ++a) p.push_back(static_cast<int64_t>(a));
  return p;
}

// The permutation of a Transpose, spelled out; empty for other nodes, unknown ranks and rank 0.
inline Permutation permutation_of(const Graph& g, const Node& n) {
  const auto* op = n.op.as<Transpose>();
  if (op == nullptr || !g.value(n.inputs[0]).type.has_rank()) return {};
  Permutation p = op->perm;
  const size_t rank = g.value(n.inputs[0]).type.rank();
  if (p.empty()) {
    for (size_t k = 0; k < rank; ++k) p.push_back(static_cast<int64_t>(rank - 1 - k));
  }
  return p.size() == rank ? p : Permutation{};
}

}  // namespace ferry
