// SPDX-License-Identifier: Apache-2.0
// Compiled with the compiler's vectoriser on (see src/kernels/CMakeLists.txt).
#include "kernels/pool/planar_pool.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

template <PoolFold kFold>
FERRY_INLINE float valued(float v) {
  if constexpr (kFold == PoolFold::kSumSquare) return v * v;
  if constexpr (kFold == PoolFold::kSumMagnitude) return __builtin_fabsf(v);
  return v;
}
template <PoolFold kFold>
FERRY_INLINE float merged(float a, float b) {
  if constexpr (kFold == PoolFold::kMax) return a != a ? a : a < b || b != b ? b : a;
  return a + b;
}

template <PoolFold kFold>
FERRY_INLINE void combine_of(const float* const* rows, int64_t n, float* __restrict y,
                             int64_t width) {
  const float* first = rows[0];
  for (int64_t i = 0; i < width; ++i) y[i] = valued<kFold>(first[i]);
  for (int64_t r = 1; r < n; ++r) {
    const float* row = rows[r];
    for (int64_t i = 0; i < width; ++i) y[i] = merged<kFold>(y[i], valued<kFold>(row[i]));
  }
}

void combine(PoolFold fold, const float* const* rows, int64_t n, float* y, int64_t width) noexcept {
  switch (fold) {
    case PoolFold::kMax:
      return combine_of<PoolFold::kMax>(rows, n, y, width);
    case PoolFold::kSum:
      return combine_of<PoolFold::kSum>(rows, n, y, width);
    case PoolFold::kSumSquare:
      return combine_of<PoolFold::kSumSquare>(rows, n, y, width);
    case PoolFold::kSumMagnitude:
      return combine_of<PoolFold::kSumMagnitude>(rows, n, y, width);
  }
}

// A constant stride, where it is a usual one.
template <PoolFold kFold, int kStride>
FERRY_INLINE void slide_by(const float* x, int64_t taps, int64_t dilation, int64_t stride,
                           float* __restrict y, int64_t width) {
  const int64_t step = kStride == 0 ? stride : kStride;
  for (int64_t i = 0; i < width; ++i) y[i] = x[i * step];
  for (int64_t t = 1; t < taps; ++t) {
    const float* from = x + t * dilation;
    for (int64_t i = 0; i < width; ++i) y[i] = merged<kFold>(y[i], from[i * step]);
  }
}

template <PoolFold kFold>
FERRY_INLINE void slide_of(const float* x, int64_t taps, int64_t dilation, int64_t stride, float* y,
                           int64_t width) {
  if (stride == 1) return slide_by<kFold, 1>(x, taps, dilation, stride, y, width);
  if (stride == 2) return slide_by<kFold, 2>(x, taps, dilation, stride, y, width);
  slide_by<kFold, 0>(x, taps, dilation, stride, y, width);
}

void slide(PoolFold fold, const float* x, int64_t taps, int64_t dilation, int64_t stride, float* y,
           int64_t width) noexcept {
  if (fold == PoolFold::kMax) return slide_of<PoolFold::kMax>(x, taps, dilation, stride, y, width);
  slide_of<PoolFold::kSum>(x, taps, dilation, stride, y, width);
}

}  // namespace

extern const PlanarPoolKernels kPlanarPoolKernels = {combine, slide};

}  // namespace ferry::FERRY_ISA
