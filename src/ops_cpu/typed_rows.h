// SPDX-License-Identifier: Apache-2.0
// Splits the rows of an elementwise step, whose inputs broadcast, over a team.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "ops/walk.h"
#include "ops_cpu/parallel.h"

namespace ferry {

namespace typed_rows_detail {

// Elements laid out at a time, of 16 bytes at most: no more than 8 KB of each operand.
constexpr int64_t kLaidOut = 512;
struct alignas(64) Block {
  std::array<std::byte, kLaidOut * 16> bytes;
};

// An operand of rows [row, row + n) that are read as one: where it begins, and 0 or 1 for the step
// from one element to the next. `laid` holds what has to be copied.
struct Laid {
  const char* at;
  int64_t step;
};
Laid lay_out(const Tensor& x, const Dims& dims, const Dims& strides, int64_t row, int64_t n,
             Block& laid);

}  // namespace typed_rows_detail

// Elements of a row from which on calling a cheap function costs less than copying operands.
inline constexpr int64_t kFewElements = 8;

// Calls row(n, operands, steps, begin) for pieces of rows that cover dense `dims`, to which
// `inputs` (elements of whole bytes) broadcast: the first of n results is element `begin`; operand
// k begins at operands[k] (const char*), and steps[k], in elements, is 0 or 1. Pieces may run at
// the same time. Operands of rows below `short_row` elements are laid out one row after the other
// first, many rows a call.
template <size_t N, class Row>
void parallel_rows(Team& team, Dims dims, const std::array<const Tensor*, N>& inputs,
                   int64_t short_row, const Row& row) {
  using namespace typed_rows_detail;
  int64_t count = 1;
  for (int64_t d : dims) count *= d;
  if (count == 0) return;
  std::array<Dims, N> strides;
  for (size_t k = 0; k < N; ++k) strides[k] = broadcast_strides(inputs[k]->dims(), dims);
  walk_detail::coalesce(dims, strides);
  const size_t last = dims.size() - 1;
  const int64_t cols = dims[last], rows = count / cols;
  std::array<const char*, N> operands{};
  std::array<int64_t, N> steps{};
  const bool worthwhile = count >= kMinParallelValues;
  if (rows > 1 && cols < std::min(short_row, kLaidOut)) {
    const int64_t block = kLaidOut / cols;
    parallel_range(team, rows, worthwhile, [&](int64_t r0, int64_t r1, int) {
      std::array<Block, N> laid;
      std::array<const char*, N> at{};
      std::array<int64_t, N> step{};
      for (int64_t r = r0; r < r1; r += block) {
        const int64_t n = std::min(block, r1 - r);
        for (size_t k = 0; k < N; ++k) {
          const Laid x = lay_out(*inputs[k], dims, strides[k], r, n, laid[k]);
          at[k] = x.at;
          step[k] = x.step;
        }
        row(n * cols, at, step, r * cols);
      }
    });
    return;
  }
  std::array<int64_t, N> bytes{};
  for (size_t k = 0; k < N; ++k) {
    operands[k] = static_cast<const char*>(inputs[k]->raw());
    steps[k] = strides[k][last];
    bytes[k] = dtype_bits(inputs[k]->dtype()) / 8;
  }
  // Long rows are cut, so that a single one is shared too, and stopped in the middle.
  constexpr int64_t kPiece = 16 << 10, kLong = 16 * kPiece;
  const bool whole = rows >= 4 * team.size() && cols <= kLong;
  const int64_t cuts = whole ? 1 : (cols + kPiece - 1) / kPiece;
  parallel_range(team, rows * cuts, worthwhile, [&](int64_t u0, int64_t u1, int) {
    for (int64_t u = u0; u < u1;) {
      const int64_t r = u / cuts, cut = u % cuts;
      const int64_t c0 = cols * cut / cuts, c1 = cols * (cut + 1) / cuts;
      std::array<const char*, N> at = operands;
      int64_t index = r;
      for (size_t a = last; a-- > 0;) {
        for (size_t k = 0; k < N; ++k) at[k] += index % dims[a] * strides[k][a] * bytes[k];
        index /= dims[a];
      }
      for (size_t k = 0; k < N; ++k) at[k] += c0 * steps[k] * bytes[k];
      // Whole rows up to the end of the axis before the last one are equal steps apart.
      const bool follow = cuts == 1 && last > 0;
      const int64_t n = follow ? std::min(u1 - u, dims[last - 1] - r % dims[last - 1]) : 1;
      for (int64_t i = 0; i < n; ++i) {
        row(c1 - c0, at, steps, (r + i) * cols + c0);
        for (size_t k = 0; follow && k < N; ++k) at[k] += strides[k][last - 1] * bytes[k];
      }
      u += n;
    }
  });
}

}  // namespace ferry
