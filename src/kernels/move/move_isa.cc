// SPDX-License-Identifier: Apache-2.0
#include "kernels/move/move.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// One square of lanes; `rows` and `cols` are what of it exists.
FERRY_INLINE void square(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows,
                         int64_t cols) {
  F32 v[kLanes];
  if (rows == kLanes && cols == kLanes) {
    FERRY_UNROLL
    for (int i = 0; i < kLanes; ++i) v[i] = load(x + i * x_stride);
    transpose(v);
    FERRY_UNROLL
    for (int i = 0; i < kLanes; ++i) store(y + i * y_stride, v[i]);
    return;
  }
  FERRY_UNROLL
  for (int i = 0; i < kLanes; ++i) v[i] = i < rows ? load_n(x + i * x_stride, cols) : zero();
  transpose(v);
  FERRY_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    if (i < cols) store_n(y + i * y_stride, v[i], rows);
  }
}

// kParts dense rows become one of kParts values each, and back: loops that compilers turn into
// permutations, where squares would be mostly empty.
template <int kParts>
void interleave(const float* __restrict x, int64_t x_stride, float* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    FERRY_UNROLL
    for (int k = 0; k < kParts; ++k) y[i * kParts + k] = x[k * x_stride + i];
  }
}

template <int kParts>
void separate(const float* __restrict x, float* __restrict y, int64_t y_stride, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    FERRY_UNROLL
    for (int k = 0; k < kParts; ++k) y[k * y_stride + i] = x[i * kParts + k];
  }
}

// Few rows or columns without gaps; false when there are more.
bool transpose_few(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows,
                   int64_t cols) {
  if (y_stride == rows) {
    if (rows == 2) return interleave<2>(x, x_stride, y, cols), true;
    if (rows == 3) return interleave<3>(x, x_stride, y, cols), true;
    if (rows == 4) return interleave<4>(x, x_stride, y, cols), true;
  }
  if (x_stride == cols) {
    if (cols == 2) return separate<2>(x, y, y_stride, rows), true;
    if (cols == 3) return separate<3>(x, y, y_stride, rows), true;
    if (cols == 4) return separate<4>(x, y, y_stride, rows), true;
  }
  return false;
}

void transpose_f32(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows,
                   int64_t cols) noexcept {
  if (transpose_few(x, x_stride, y, y_stride, rows, cols)) return;
  // Columns of one cache line stay together, so that lines of x are read once.
  constexpr int64_t kLine = 16;
  for (int64_t c0 = 0; c0 < cols; c0 += kLine) {
    const int64_t c1 = smaller(cols, c0 + kLine);
    for (int64_t r = 0; r < rows; r += kLanes) {
      const int64_t height = smaller<int64_t>(kLanes, rows - r);
      for (int64_t c = c0; c < c1; c += kLanes) {
        square(x + r * x_stride + c, x_stride, y + c * y_stride + r, y_stride, height,
               smaller<int64_t>(kLanes, c1 - c));
      }
    }
  }
}

}  // namespace

extern const MoveKernels kMoveKernels = {transpose_f32};

}  // namespace ferry::FERRY_ISA
