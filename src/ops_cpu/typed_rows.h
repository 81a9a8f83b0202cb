// SPDX-License-Identifier: Apache-2.0
// Splits the rows of an elementwise step, whose inputs broadcast, over a team.
#pragma once

#include <algorithm>
#include <array>

#include "ops/walk.h"
#include "ops_cpu/parallel.h"

namespace ferry {

// Calls row(n, offsets, steps, begin) for pieces of rows that cover dense `dims`: the first of n
// results is element `begin`; operand k begins at offsets[k] elements and steps[k] is 0 or 1 when
// `strides` come from broadcast_strides. Pieces may run at the same time.
template <size_t N, class Row>
void parallel_rows(Team& team, Dims dims, std::array<Dims, N> strides, const Row& row) {
  int64_t count = 1;
  for (int64_t d : dims) count *= d;
  if (count == 0) return;
  walk_detail::coalesce(dims, strides);
  const size_t last = dims.size() - 1;
  const int64_t cols = dims[last], rows = count / cols;
  // Long rows are cut, so that a single one is shared too, and stopped in the middle.
  constexpr int64_t kPiece = 16 << 10, kLong = 16 * kPiece;
  const bool whole = rows >= 4 * team.size() && cols <= kLong;
  const int64_t cuts = whole ? 1 : (cols + kPiece - 1) / kPiece;
  std::array<int64_t, N> steps{};
  for (size_t k = 0; k < N; ++k) steps[k] = strides[k][last];
  parallel_range(team, rows * cuts, count >= kMinParallelValues, [&](int64_t u0, int64_t u1, int) {
    for (int64_t u = u0; u < u1;) {
      const int64_t r = u / cuts, cut = u % cuts;
      const int64_t c0 = cols * cut / cuts, c1 = cols * (cut + 1) / cuts;
      std::array<int64_t, N> at{};
      int64_t index = r;
      for (size_t a = last; a-- > 0;) {
        for (size_t k = 0; k < N; ++k) at[k] += index % dims[a] * strides[k][a];
        index /= dims[a];
      }
      for (size_t k = 0; k < N; ++k) at[k] += c0 * steps[k];
      // Whole rows up to the end of the axis before the last one are equal steps apart.
      const bool follow = cuts == 1 && last > 0;
      const int64_t n = follow ? std::min(u1 - u, dims[last - 1] - r % dims[last - 1]) : 1;
      for (int64_t i = 0; i < n; ++i) {
        row(c1 - c0, at, steps, (r + i) * cols + c0);
        for (size_t k = 0; follow && k < N; ++k) at[k] += strides[k][last - 1];
      }
      u += n;
    }
  });
}

}  // namespace ferry
