// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool/pool.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

template <bool kMax>
FERRY_INLINE F32 join(F32 sum, F32 v) {
  if constexpr (kMax) return max_nan(v, sum);
  return sum + v;
}

template <bool kMax>
FERRY_INLINE void pool(const float* const* taps, int64_t n, float* y, int64_t channels,
                       float divisor) {
  constexpr int kWide = 4;
  const F32 start = kMax ? splat(-__builtin_inff()) : zero(), by = splat(divisor);
  int64_t c = 0;
  for (; c + kWide * kLanes <= channels; c += kWide * kLanes) {
    F32 sum[kWide];
    FERRY_UNROLL
    for (int k = 0; k < kWide; ++k) sum[k] = start;
    for (int64_t t = 0; t < n; ++t) {
      FERRY_UNROLL
      for (int k = 0; k < kWide; ++k) sum[k] = join<kMax>(sum[k], load(taps[t] + c + k * kLanes));
    }
    FERRY_UNROLL
    for (int k = 0; k < kWide; ++k) store(y + c + k * kLanes, kMax ? sum[k] : sum[k] / by);
  }
  for (; c < channels; c += kLanes) {
    const Mask m = first_n(smaller<int64_t>(kLanes, channels - c));
    F32 sum = start;
    for (int64_t t = 0; t < n; ++t) sum = join<kMax>(sum, load(taps[t] + c, m));
    store(y + c, kMax ? sum : sum / by, m);
  }
}

void maximum(const float* const* taps, int64_t n, float* y, int64_t channels) noexcept {
  pool<true>(taps, n, y, channels, 1.0f);
}

void mean(const float* const* taps, int64_t n, float* y, int64_t channels, float divisor) noexcept {
  pool<false>(taps, n, y, channels, divisor);
}

}  // namespace

extern const PoolKernels kPoolKernels = {maximum, mean};

}  // namespace ferry::FERRY_ISA
