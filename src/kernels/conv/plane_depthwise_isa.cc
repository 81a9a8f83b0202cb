// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/plane_depthwise.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// Output rows of a tile. Neighbours share what they load, which is what bounds the speed.
constexpr int kRows = 4;
// Vectors of a tile of one row: sums enough to keep two multiply-add units busy.
constexpr int kLong = kLanes >= 8 ? 8 : 2;

// One row of x: tap row `weights` of the first output row of the tile, the one before it of the
// next, and so on. Output rows [kFirst, kLast] see it.
template <int kFirst, int kLast, int kCount, int kVectors>
FERRY_INLINE void add_row(const PlaneRows& r, F32 (&acc)[kCount][kVectors], const float* x,
                          const float* weights) {
  const float* w[kCount];
  FERRY_UNROLL
  for (int i = kFirst; i <= kLast; ++i) w[i] = weights - i * r.kernel_w;
  for (int64_t k = 0; k < r.kernel_w; ++k) {
    const float* from = x + r.x_cols[k];
    F32 v[kVectors];
    FERRY_UNROLL
    for (int j = 0; j < kVectors; ++j) v[j] = load(from + j * kLanes);
    FERRY_UNROLL
    for (int i = kFirst; i <= kLast; ++i) {
      const F32 weight = splat(w[i][k]);
      FERRY_UNROLL
      for (int j = 0; j < kVectors; ++j) acc[i][j] = fma(v[j], weight, acc[i][j]);
    }
  }
}

// Rows that follow each other, three taps or more high.
template <int kVectors>
FERRY_INLINE void add_shared_rows(const PlaneRows& r, F32 (&acc)[kRows][kVectors],
                                  const float* const* x, int64_t col, const float* weights) {
  static_assert(kRows == 4);
  const auto add = [&]<int kFirst, int kLast>(int64_t row) {
    add_row<kFirst, kLast>(r, acc, x[row] + col, weights + row * r.kernel_w);
  };
  add.template operator()<0, 0>(0);
  add.template operator()<0, 1>(1);
  add.template operator()<0, 2>(2);
  for (int64_t row = 3; row < r.kernel_h; ++row) add.template operator()<0, 3>(row);
  add.template operator()<1, 3>(r.kernel_h);
  add.template operator()<2, 3>(r.kernel_h + 1);
  add.template operator()<3, 3>(r.kernel_h + 2);
}

// One tap row of kCount output rows, each with a row of x of its own.
template <int kCount, int kVectors>
FERRY_INLINE void add_own_rows(const PlaneRows& r, F32 (&acc)[kCount][kVectors],
                               const float* const* table, int64_t col, const float* weights) {
  const float* x[kCount];
  FERRY_UNROLL
  for (int i = 0; i < kCount; ++i) x[i] = table[i * r.stride_h] + col;
  for (int64_t k = 0; k < r.kernel_w; ++k) {
    const F32 weight = splat(weights[k]);
    FERRY_UNROLL
    for (int i = 0; i < kCount; ++i) {
      FERRY_UNROLL
      for (int j = 0; j < kVectors; ++j) {
        acc[i][j] = fma(load(x[i] + r.x_cols[k] + j * kLanes), weight, acc[i][j]);
      }
    }
  }
}

// `left` lanes of the last vector belong to the row.
template <int kCount, int kVectors>
FERRY_INLINE void finish_tile(const PlaneRows& r, F32 (&acc)[kCount][kVectors], int64_t at,
                              int64_t left) {
  const auto visit = [&](const auto& f) {
    FERRY_UNROLL
    for (int i = 0; i < kCount; ++i) {
      FERRY_UNROLL
      for (int j = 0; j < kVectors; ++j) f(acc[i][j], at + i * r.cols + j * kLanes, j);
    }
  };
  if (r.residual != nullptr) [[unlikely]] {
    visit([&](F32& v, int64_t to, int j) {
      v = v + load_n(r.residual + to, j == kVectors - 1 ? left : kLanes);
    });
  }
  const F32 lo = splat(r.lo), hi = splat(r.hi);
  visit([&](F32& v, int64_t, int) { v = min(hi, max(lo, v)); });
  if (left == kLanes)
    visit([&](F32& v, int64_t to, int) { store(r.y + to, v); });
  else
    visit([&](F32& v, int64_t to, int j) {
      store_n(r.y + to, v, j == kVectors - 1 ? left : kLanes);
    });
}

// kRows output rows of a 3x3 window, whose weights stay in registers from one vector to the next.
template <int kStride>
[[gnu::noinline]] void window_rows(const PlaneRows& r, int64_t row) noexcept {
  constexpr int kSeen = (kRows - 1) * kStride + 3;
  F32 w[3][3];
  const float* x[kSeen];
  FERRY_UNROLL
  for (int i = 0; i < 9; ++i) w[i / 3][i % 3] = splat(r.weights[i]);
  FERRY_UNROLL
  for (int i = 0; i < kSeen; ++i) x[i] = r.x[row * kStride + i];
  const int64_t x1 = r.x_cols[1], x2 = r.x_cols[2];
  for (int64_t col = 0; col < r.cols; col += kLanes) {
    // One that begins earlier instead of a partial vector.
    if (r.cols >= kLanes) col = smaller<int64_t>(col, r.cols - kLanes);
    F32 acc[kRows][1];
    FERRY_UNROLL
    for (int i = 0; i < kRows; ++i) acc[i][0] = splat(r.bias);
    FERRY_UNROLL
    for (int s = 0; s < kSeen; ++s) {
      const float* from = x[s] + col;
      const F32 v[3] = {load(from), load(from + x1), load(from + x2)};
      FERRY_UNROLL
      for (int i = 0; i < kRows; ++i) {
        const int kh = s - i * kStride;
        if (kh < 0 || kh > 2) continue;
        FERRY_UNROLL
        for (int k = 0; k < 3; ++k) acc[i][0] = fma(v[k], w[kh][k], acc[i][0]);
      }
    }
    finish_tile(r, acc, row * r.cols + col, smaller<int64_t>(r.cols - col, kLanes));
  }
}

template <int kStride>
[[maybe_unused]] void window(const PlaneRows& r) {
  int64_t row = 0;
  for (; row + kRows <= r.rows; row += kRows) window_rows<kStride>(r, row);
  if (row < r.rows) window_rows<kStride>(r, r.rows - kRows);
}

template <int kCount, int kVectors>
[[gnu::noinline]] void tile(const PlaneRows& r, int64_t row, int64_t col, int64_t left) noexcept {
  F32 acc[kCount][kVectors];
  FERRY_UNROLL
  for (int i = 0; i < kCount; ++i) {
    FERRY_UNROLL
    for (int j = 0; j < kVectors; ++j) acc[i][j] = splat(r.bias);
  }
  const float* weights = r.weights;
  for (int64_t kd = 0; kd < r.kernel_d; ++kd, weights += r.kernel_h * r.kernel_w) {
    const float* const* x = r.x + kd * r.x_depth + row * r.stride_h;
    if constexpr (kCount == kRows) {
      if (r.stride_h == 1 && r.dilation_h == 1 && r.kernel_h >= kRows - 1) {
        add_shared_rows(r, acc, x, col, weights);
        continue;
      }
    }
    for (int64_t kh = 0; kh < r.kernel_h; ++kh) {
      add_own_rows(r, acc, x + kh * r.dilation_h, col, weights + kh * r.kernel_w);
    }
  }
  finish_tile(r, acc, row * r.cols + col, left);
}

// All rows of a column of tiles; the last tile may begin before the one above it ends.
template <int kVectors>
FERRY_INLINE void column(const PlaneRows& r, int64_t col, int64_t left) {
  int64_t row = 0;
  for (; row + kRows <= r.rows; row += kRows) tile<kRows, kVectors>(r, row, col, left);
  if (row < r.rows && r.rows >= kRows) return tile<kRows, kVectors>(r, r.rows - kRows, col, left);
  for (; row < r.rows; ++row) tile<1, kVectors>(r, row, col, left);
}

void rows(const PlaneRows& r) noexcept {
  if constexpr (kLanes >= 8) {
    const bool small = r.kernel_d == 1 && r.kernel_h == 3 && r.kernel_w == 3 && r.dilation_h == 1;
    if (small && r.rows >= kRows && r.stride_h == 1) return window<1>(r);
    if (small && r.rows >= kRows && r.stride_h == 2) return window<2>(r);
  }
  int64_t col = 0;
  for (; r.rows < kRows && r.cols - col >= kLong * kLanes; col += kLong * kLanes) {
    for (int64_t row = 0; row < r.rows; ++row) tile<1, kLong>(r, row, col, kLanes);
  }
  for (; r.cols - col > kLanes; col += 2 * kLanes) {
    // One that begins earlier instead of a partial vector.
    if (r.cols >= 2 * kLanes) col = smaller<int64_t>(col, r.cols - 2 * kLanes);
    column<2>(r, col, smaller<int64_t>(r.cols - col - kLanes, kLanes));
  }
  if (col >= r.cols) return;
  if (r.cols >= kLanes) col = r.cols - kLanes;
  column<1>(r, col, smaller<int64_t>(r.cols - col, kLanes));
}

// n elements; a partial vector is filled with zeros.
FERRY_INLINE void copy(const float* x, int64_t n, float* to) {
  if (n < kLanes) return store(to, load_n(x, n));
  for (int64_t i = 0; i < n; i += kLanes) {
    i = smaller<int64_t>(i, n - kLanes);
    store(to + i, load(x + i));
  }
}

// Even and odd elements of 2 n.
struct Pairs {
  I32 evens_first, odds_first;
  Mask low = first_n(kLanes / 2);
  FERRY_INLINE Pairs() {
    int32_t lanes[kLanes], other[kLanes];
    for (int i = 0; i < kLanes; ++i) {
      lanes[i] = (2 * i) % kLanes + 2 * i / kLanes;
      other[i] = (2 * i + 1) % kLanes - 2 * i / kLanes;
    }
    evens_first = load(lanes), odds_first = load(other);
  }
  FERRY_INLINE void take(const float* x, int64_t n, float* even, float* odd) const {
    for (int64_t i = 0; i < n; i += kLanes) {
      if (n >= kLanes) i = smaller<int64_t>(i, n - kLanes);
      const int64_t here = smaller<int64_t>(2 * (n - i), 2 * kLanes);
      const F32 a = load_n(x + 2 * i, smaller<int64_t>(here, kLanes));
      const F32 b = load_n(x + 2 * i + kLanes, larger<int64_t>(here - kLanes, 0));
      store(even + i, select(low, permute(a, evens_first), permute(b, odds_first)));
      store(odd + i, select(low, permute(a, odds_first), permute(b, evens_first)));
    }
  }
};

void split(const PlaneSplit& s, const float* x, int64_t x_pitch, int64_t rows, float* to) noexcept {
  const Pairs pairs;
  const int64_t inner = s.first + s.from * s.parts, after = s.first + s.end * s.parts;
  const int64_t n = s.end - s.from;
  for (; rows > 0; --rows, x += x_pitch, to += s.row) {
    if (s.parts == 1) {
      copy(x + inner, n, to + s.from);
      continue;
    }
    if (s.parts == 2) {
      pairs.take(x + inner, n, to + s.from, to + s.part + s.from);
    } else {
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t p = 0; p < s.parts; ++p) {
          to[p * s.part + s.from + i] = x[inner + i * s.parts + p];
        }
      }
    }
    // What lies inside in some of the parts.
    for (int64_t c = larger<int64_t>(s.first, 0); c < smaller(inner, s.width); ++c) {
      to[(c - s.first) % s.parts * s.part + (c - s.first) / s.parts] = x[c];
    }
    for (int64_t c = larger<int64_t>(after, 0); c < s.width && c < s.first + s.count * s.parts;
         ++c) {
      to[(c - s.first) % s.parts * s.part + (c - s.first) / s.parts] = x[c];
    }
  }
}

}  // namespace

extern const PlaneDepthwiseKernels kPlaneDepthwise = {rows, split};

}  // namespace ferry::FERRY_ISA
