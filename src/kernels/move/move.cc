// SPDX-License-Identifier: Apache-2.0
#include "kernels/move/move.h"

#include <algorithm>

#include "kernels/move/copy_run.h"

namespace ferry {
namespace {

// Squares of a transposition that one unit covers: a strip of columns of y's rows.
constexpr int64_t kTileCols = 64, kTileRows = 256;

int64_t tiles(int64_t n, int64_t tile) { return (n + tile - 1) / tile; }

template <class T>
void copy_row(const MoveKernels& kernels, const T* x, int64_t from, T* y, int64_t to, int64_t n) {
  if (from == 1 && to == 1) {
    copy_run(reinterpret_cast<char*>(y), reinterpret_cast<const char*>(x),
             n * static_cast<int64_t>(sizeof(T)));
  } else if (to == 1 && sizeof(T) == 4) {
    kernels.spread_u32(reinterpret_cast<const uint32_t*>(x), from, reinterpret_cast<uint32_t*>(y),
                       n);
  } else if (to == 1 && sizeof(T) == 8) {
    kernels.spread_u64(reinterpret_cast<const uint64_t*>(x), from, reinterpret_cast<uint64_t*>(y),
                       n);
  } else if (from == 0 && to == 1) {
    std::fill_n(y, n, *x);
  } else {
    for (int64_t i = 0; i < n; ++i) y[i * to] = x[i * from];
  }
}

// Rows of so few elements that starting each anew costs more than copying it.
constexpr int64_t kFew = 16;

// Each element `kTimes` times, as Expand of a last axis leaves it.
template <int kTimes, class T>
void repeat(const T* __restrict x, T* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    for (int k = 0; k < kTimes; ++k) y[i * kTimes + k] = x[i];
  }
}

// `count` rows, one for each index of `next`.
template <class T>
void copy_few(const T* x, const MoveAxis& row, const MoveAxis& next, T* y, int64_t count) {
  const bool repeats = row.from == 0 && row.to == 1 && next.from == 1 && next.to == row.size;
  if (repeats && row.size == 2) return repeat<2>(x, y, count);
  if (repeats && row.size == 3) return repeat<3>(x, y, count);
  if (repeats && row.size == 4) return repeat<4>(x, y, count);
  for (int64_t r = 0; r < count; ++r, x += next.from, y += next.to) {
    for (int64_t i = 0; i < row.size; ++i) y[i * row.to] = x[i * row.from];
  }
}

// Elements [unit0, unit1) in row-major order of the axes.
template <class T>
void move_rows(const MoveKernels& kernels, const MoveAxis* axes, int rank, const T* x, T* y,
               int64_t unit0, int64_t unit1) {
  const MoveAxis& row = axes[rank - 1];
  const bool runs = rank > 1 && row.from == 1 && row.to == 1;
  const bool together = runs || (rank > 1 && row.size <= kFew);
  int64_t at[Move::kMaxRank] = {};
  int64_t rest = unit0 / row.size, skip = unit0 % row.size;
  for (int a = rank - 2; a >= 0; --a) {
    at[a] = rest % axes[a].size;
    rest /= axes[a].size;
    x += at[a] * axes[a].from;
    y += at[a] * axes[a].to;
  }
  for (int64_t left = unit1 - unit0; left > 0; skip = 0) {
    if (together && skip == 0 && left >= row.size) {  // all that there are of the axis before it
      const MoveAxis& next = axes[rank - 2];
      const int64_t count = std::min(left / row.size, next.size - at[rank - 2]);
      constexpr auto kBytes = static_cast<int64_t>(sizeof(T));
      if (runs) {
        kernels.copy_runs({x, next.from * kBytes, y, next.to * kBytes, row.size * kBytes, count});
      } else {
        copy_few(x, row, next, y, count);
      }
      at[rank - 2] += count - 1;
      x += (count - 1) * next.from;
      y += (count - 1) * next.to;
      left -= count * row.size;
    } else {
      const int64_t n = std::min(left, row.size - skip);
      copy_row(kernels, x + skip * row.from, row.from, y + skip * row.to, row.to, n);
      left -= n;
    }
    for (int a = rank - 2; a >= 0; --a) {
      x += axes[a].from;
      y += axes[a].to;
      if (++at[a] < axes[a].size) break;
      x -= at[a] * axes[a].from;
      y -= at[a] * axes[a].to;
      at[a] = 0;
    }
  }
}

template <class T>
void transpose_tile(const MoveKernels& kernels, const T* x, int64_t x_stride, T* y,
                    int64_t y_stride, int64_t rows, int64_t cols) {
  if constexpr (sizeof(T) == 4) {
    kernels.transpose_f32(reinterpret_cast<const float*>(x), x_stride, reinterpret_cast<float*>(y),
                          y_stride, rows, cols);
    return;
  }
  if constexpr (sizeof(T) == 8) {
    kernels.transpose_u64(x, x_stride, y, y_stride, rows, cols);
    return;
  }
  constexpr int64_t kBlock = 16;
  for (int64_t c0 = 0; c0 < cols; c0 += kBlock) {
    const int64_t c1 = std::min(cols, c0 + kBlock);
    for (int64_t r0 = 0; r0 < rows; r0 += kBlock) {
      const int64_t r1 = std::min(rows, r0 + kBlock);
      for (int64_t c = c0; c < c1; ++c) {
        for (int64_t r = r0; r < r1; ++r) y[c * y_stride + r] = x[r * x_stride + c];
      }
    }
  }
}

// The last axis is contiguous in y, the one before it in x.
template <class T>
void transpose_tiles(const MoveKernels& kernels, const MoveAxis* axes, int rank, const T* x, T* y,
                     int64_t unit0, int64_t unit1) {
  const MoveAxis &cols = axes[rank - 2], &rows = axes[rank - 1];
  const int64_t across = tiles(cols.size, kTileCols), down = tiles(rows.size, kTileRows);
  for (int64_t unit = unit0; unit < unit1; ++unit) {
    const int64_t r = unit % down * kTileRows, c = unit / down % across * kTileCols;
    int64_t rest = unit / (down * across);
    const T* from = x + r * rows.from + c;
    T* to = y + c * cols.to + r;
    for (int a = rank - 3; a >= 0; --a) {
      from += rest % axes[a].size * axes[a].from;
      to += rest % axes[a].size * axes[a].to;
      rest /= axes[a].size;
    }
    transpose_tile(kernels, from, rows.from, to, cols.to, std::min(kTileRows, rows.size - r),
                   std::min(kTileCols, cols.size - c));
  }
}

}  // namespace

void Move::add(int64_t size, int64_t from, int64_t to) {
  count_ *= size;
  if (size == 1) return;
  if (rank_ > 0) {
    MoveAxis& last = axes_[rank_ - 1];
    if (last.from == from * size && last.to == to * size) {
      last = {last.size * size, from, to};
      return;
    }
  }
  axes_[rank_++] = {size, from, to};
}

void Move::plan() {
  if (count_ == 0) return;
  if (rank_ == 0) axes_[rank_++] = {1, 1, 1};
  units_ = count_;
  const MoveAxis last = axes_[rank_ - 1];
  if (last.to != 1 || last.from <= 1) return;
  for (int a = 0; a < rank_ - 1; ++a) {
    if (axes_[a].from != 1) continue;
    const MoveAxis columns = axes_[a];
    for (int i = a; i < rank_ - 2; ++i) axes_[i] = axes_[i + 1];
    axes_[rank_ - 2] = columns;
    kind_ = Kind::kTranspose;
    units_ = count_ / (columns.size * last.size) * tiles(columns.size, kTileCols) *
             tiles(last.size, kTileRows);
    return;
  }
}

void run_move(Isa isa, const Move& m, const void* x, void* y, int64_t unit0,
              int64_t unit1) noexcept {
  const MoveKernels& kernels = FERRY_SELECT_ISA_TABLE(isa, kMoveKernels);
  const auto run = [&]<class T>(T) {
    const T* from = static_cast<const T*>(x);
    T* to = static_cast<T*>(y);
    if (m.kind_ == Move::Kind::kTranspose) {
      transpose_tiles(kernels, m.axes_, m.rank_, from, to, unit0, unit1);
    } else {
      move_rows(kernels, m.axes_, m.rank_, from, to, unit0, unit1);
    }
  };
  switch (m.element_) {
    case 1:
      return run(uint8_t{});
    case 2:
      return run(uint16_t{});
    case 4:
      return run(uint32_t{});
    default:
      return run(uint64_t{});
  }
}

}  // namespace ferry
