// SPDX-License-Identifier: Apache-2.0
// The rows of a strided tensor, in runs that lie evenly apart.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "ferry/types.h"

namespace ferry {

// True where row-major order without gaps is the order of `strides`.
inline bool is_dense(std::span<const int64_t> dims, std::span<const int64_t> strides) {
  int64_t stride = 1;
  for (size_t a = dims.size(); a-- > 0; stride *= dims[a]) {
    if (dims[a] != 1 && strides[a] != stride) return false;
  }
  return true;
}

// Calls run(offset, rows) for rows [row, row + n) of `dims`, of which the last axis is the row: the
// first of a run begins at element `offset`, and the next strides[last - 1] further on each. Two
// axes or more.
template <class Run>
void for_each_row_run(std::span<const int64_t> dims, std::span<const int64_t> strides, int64_t row,
                      int64_t n, const Run& run) {
  const size_t outer = dims.size() - 1;
  const int64_t step = strides[outer - 1];
  std::array<int64_t, Dims::kMaxRank + 1> at{};
  int64_t offset = 0;
  for (size_t a = outer; a-- > 0; row /= dims[a]) {
    at[a] = row % dims[a];
    offset += at[a] * strides[a];
  }
  while (n > 0) {
    const int64_t rows = std::min(n, dims[outer - 1] - at[outer - 1]);
    run(offset, rows);
    n -= rows;
    offset -= at[outer - 1] * step;
    at[outer - 1] = 0;
    for (size_t a = outer - 1; a-- > 0;) {
      offset += strides[a];
      if (++at[a] < dims[a]) break;
      offset -= at[a] * strides[a];
      at[a] = 0;
    }
  }
}

}  // namespace ferry
