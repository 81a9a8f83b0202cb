// SPDX-License-Identifier: Apache-2.0
#include "kernels/resize/resize.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

void blend_rows(const float* const* x, const float* weight, int64_t taps, float* y,
                int64_t n) noexcept {
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const F32 w = splat(weight[0]);
    F32 a = w * load(x[0] + i), b = w * load(x[0] + i + kLanes);
    for (int64_t t = 1; t < taps; ++t) {
      const F32 v = splat(weight[t]);
      a = fma(v, load(x[t] + i), a);
      b = fma(v, load(x[t] + i + kLanes), b);
    }
    store(y + i, a);
    store(y + i + kLanes, b);
  }
  for (; i < n; i += kLanes) {
    const Mask m = first_n(smaller<int64_t>(kLanes, n - i));
    F32 a = splat(weight[0]) * load(x[0] + i, m);
    for (int64_t t = 1; t < taps; ++t) a = fma(splat(weight[t]), load(x[t] + i, m), a);
    store(y + i, a, m);
  }
}

void blend_gathered(const float* x, const int32_t* index, const float* weight, int64_t taps,
                    float* y, int64_t n) noexcept {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t lanes = smaller<int64_t>(kLanes, n - i);
    const Mask m = first_n(lanes);
    // Lanes past the end read element 0 with weight 0.
    F32 a = load(weight + i, m) * gather(x, load_n(index + i, lanes));
    for (int64_t t = 1; t < taps; ++t) {
      a = fma(load(weight + t * n + i, m), gather(x, load_n(index + t * n + i, lanes)), a);
    }
    store(y + i, a, m);
  }
}

void plan_rising(const int32_t* index, int64_t n, int64_t width, int32_t* base,
                 int32_t* lane) noexcept {
  for (int64_t i = 0; i + kLanes <= n; i += kLanes) {
    const auto from = smaller<int32_t>(index[i], static_cast<int32_t>(width - kLanes));
    const bool close = width >= kLanes && index[i + kLanes - 1] - from < kLanes;
    base[i / kLanes] = close ? from : -1;
    for (int64_t k = i; k < i + kLanes; ++k) lane[k] = index[k] - from;
  }
}

template <bool kTwice>
FERRY_INLINE void pick(const float* x, const RisingPicks& picks, float* y, float* again,
                       int64_t n) {
  const auto pick_one = [&](int64_t k) {
    __builtin_memcpy(y + k, x + picks.index[k], sizeof(float));
    if (kTwice) __builtin_memcpy(again + k, x + picks.index[k], sizeof(float));
  };
  int64_t i = 0;
  for (const int32_t* base = picks.base; i + kLanes <= n; i += kLanes, ++base) {
    if (*base >= 0) {
      const F32 v = permute(load(x + *base), load(picks.lane + i));
      store(y + i, v);
      if (kTwice) store(again + i, v);
    } else {
      for (int64_t k = i; k < i + kLanes; ++k) pick_one(k);
    }
  }
  for (; i < n; ++i) pick_one(i);
}

void pick_rising(const float* x, const RisingPicks& picks, float* y, float* again,
                 int64_t n) noexcept {
  if (again != nullptr)
    pick<true>(x, picks, y, again, n);
  else
    pick<false>(x, picks, y, again, n);
}

}  // namespace

extern const ResizeKernels kResizeKernels = {blend_rows, blend_gathered, plan_rising, pick_rising,
                                             kLanes};

}  // namespace ferry::FERRY_ISA
