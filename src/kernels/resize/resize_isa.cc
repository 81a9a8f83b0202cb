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

void pick_rising(const float* x, int64_t width, const int32_t* index, float* y,
                 int64_t n) noexcept {
  int64_t i = 0;
  for (; i + kLanes <= n && width >= kLanes; i += kLanes) {
    // All from one vector of x, where they grow; element by element where they shrink.
    const auto base = smaller<int32_t>(index[i], static_cast<int32_t>(width - kLanes));
    if (index[i + kLanes - 1] - base < kLanes) {
      store(y + i, permute(load(x + base), load(index + i) - splat_i(base)));
    } else {
      for (int64_t k = i; k < i + kLanes; ++k) __builtin_memcpy(y + k, x + index[k], sizeof(float));
    }
  }
  for (; i < n; ++i) __builtin_memcpy(y + i, x + index[i], sizeof(float));
}

}  // namespace

extern const ResizeKernels kResizeKernels = {blend_rows, blend_gathered, pick_rising};

}  // namespace ferry::FERRY_ISA
