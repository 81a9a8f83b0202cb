// SPDX-License-Identifier: Apache-2.0
// Reduces [outer, n, inner] to [outer, inner] over a team.
#pragma once

#include <algorithm>

#include "kernels/rows/rows.h"
#include "ops_cpu/parallel.h"

namespace ferry {

inline void reduce_matrix(const RowKernels& kernels, Team& team, RowReduction kind, const float* x,
                          float* y, int64_t outer, int64_t n, int64_t inner, float factor) {
  const bool worthwhile = outer * n * inner >= kMinParallelValues;
  if (inner == 1) {
    parallel_range(team, outer, worthwhile, [&](int64_t r0, int64_t r1, int) {
      kernels.reduce(kind, x + r0 * n, y + r0, r1 - r0, n, factor);
    });
    return;
  }
  // Units are strips of columns.
  constexpr int64_t kStrip = 64;
  const int64_t strips = (inner + kStrip - 1) / kStrip;
  parallel_range(team, outer * strips, worthwhile, [&](int64_t u0, int64_t u1, int) {
    for (int64_t u = u0; u < u1; ++u) {
      const int64_t row = u / strips, column = u % strips * kStrip;
      kernels.reduce_columns(kind, x + row * n * inner + column, y + row * inner + column, n, inner,
                             std::min(kStrip, inner - column), factor);
    }
  });
}

}  // namespace ferry
