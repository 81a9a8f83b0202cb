// SPDX-License-Identifier: Apache-2.0
// Compiled with the compiler's vectoriser on (see src/kernels/CMakeLists.txt).
#include "kernels/pool/norm_pool.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

template <bool kSquares>
FERRY_INLINE float valued(float v) {
  return kSquares ? v * v : __builtin_fabsf(v);
}

template <bool kSquares>
FERRY_INLINE void combine_of(const float* const* rows, int64_t n, float* __restrict y,
                             int64_t width) {
  const float* first = rows[0];
  for (int64_t i = 0; i < width; ++i) y[i] = valued<kSquares>(first[i]);
  for (int64_t r = 1; r < n; ++r) {
    const float* row = rows[r];
    for (int64_t i = 0; i < width; ++i) y[i] += valued<kSquares>(row[i]);
  }
}

void combine(bool squares, const float* const* rows, int64_t n, float* y, int64_t width) noexcept {
  if (squares) return combine_of<true>(rows, n, y, width);
  combine_of<false>(rows, n, y, width);
}

// A constant stride, where it is a usual one.
template <int kStride>
FERRY_INLINE void slide_by(const float* x, int64_t taps, int64_t dilation, int64_t stride,
                           float* __restrict y, int64_t width) {
  const int64_t step = kStride == 0 ? stride : kStride;
  for (int64_t i = 0; i < width; ++i) y[i] = x[i * step];
  for (int64_t t = 1; t < taps; ++t) {
    const float* from = x + t * dilation;
    for (int64_t i = 0; i < width; ++i) y[i] += from[i * step];
  }
}

void slide(const float* x, int64_t taps, int64_t dilation, int64_t stride, float* y,
           int64_t width) noexcept {
  if (stride == 1) return slide_by<1>(x, taps, dilation, stride, y, width);
  if (stride == 2) return slide_by<2>(x, taps, dilation, stride, y, width);
  slide_by<0>(x, taps, dilation, stride, y, width);
}

}  // namespace

extern const NormPoolKernels kNormPoolKernels = {combine, slide};

}  // namespace ferry::FERRY_ISA
