// SPDX-License-Identifier: Apache-2.0
// Reduces [outer, n, inner] to [outer, inner] over a team.
#pragma once

#include <algorithm>

#include "kernels/rows/rows.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/pause_of.h"

namespace ferry {

// Columns in a unit of work: long runs, which memory likes, but enough units for the threads and
// little enough work in each to stop in time. No bit depends on it.
inline int64_t reduce_strip(const Team& team, int64_t outer, int64_t n, int64_t inner) {
  constexpr int64_t kShortest = 64, kLongest = 4096, kMostValues = 8 << 20;
  const int64_t share = outer >= team.size() ? inner : inner / team.size() / 16 * 16;
  return std::clamp(std::min(share, kMostValues / std::max<int64_t>(n, 1)), kShortest, kLongest);
}

inline void reduce_matrix(const RowKernels& kernels, Team& team, RowReduction kind, const float* x,
                          float* y, int64_t outer, int64_t n, int64_t inner, float factor) {
  const Pause pause = pause_of(team);
  const bool worthwhile = outer * n * inner >= kMinParallelValues;
  if (inner == 1) {
    parallel_range(team, outer, worthwhile, [&](int64_t r0, int64_t r1, int) {
      kernels.reduce(kind, x + r0 * n, y + r0, r1 - r0, n, factor, pause);
    });
    return;
  }
  const int64_t strip = reduce_strip(team, outer, n, inner), strips = (inner + strip - 1) / strip;
  parallel_range(team, outer * strips, worthwhile, [&](int64_t u0, int64_t u1, int) {
    for (int64_t u = u0; u < u1; ++u) {
      const int64_t row = u / strips, column = u % strips * strip;
      kernels.reduce_columns(kind, x + row * n * inner + column, y + row * inner + column, n, inner,
                             std::min(strip, inner - column), factor, pause);
    }
  });
}

}  // namespace ferry
