// SPDX-License-Identifier: Apache-2.0
// Rows of few values, where most of a vector would be empty: a block of them is turned, so that
// each vector holds one value of many rows.
#pragma once

#include <algorithm>

#include "kernels/move/move.h"

namespace ferry {

inline constexpr int64_t kShortRow = 128, kRowsTogether = 64;

// Calls f(columns, first, count) for blocks that cover `rows` rows of n <= kShortRow values: value
// k of row first + i is columns[k * kRowsTogether + i].
template <class T, class F>
void turn_short_rows(const MoveKernels& moves, const T* x, int64_t rows, int64_t n, F&& f) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  T columns[kShortRow * kRowsTogether];  // NOLINT(*-member-init)
  for (int64_t first = 0; first < rows; first += kRowsTogether) {
    const int64_t count = std::min(kRowsTogether, rows - first);
    const T* from = x + first * n;
    if constexpr (sizeof(T) == 4) {
      moves.transpose_f32(reinterpret_cast<const float*>(from), n,
                          reinterpret_cast<float*>(columns), kRowsTogether, count, n);
    } else {
      moves.transpose_u64(reinterpret_cast<const uint64_t*>(from), n,
                          reinterpret_cast<uint64_t*>(columns), kRowsTogether, count, n);
    }
    f(columns, first, count);
  }
}

}  // namespace ferry
