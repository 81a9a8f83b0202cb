// SPDX-License-Identifier: Apache-2.0
// Weighted sums of fp32 rows, one axis of a resampling at a time; and picks from them.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

// Indices that never fall, in groups of ResizeKernels::lanes. Where those of a group lie close
// enough together to come out of one vector, base is where that starts and lane are the places in
// it; else base is -1.
struct RisingPicks {
  const int32_t* index;
  const int32_t* base;
  const int32_t* lane;
};

struct ResizeKernels {
  // y[i] = sum over t of weight[t] * x[t][i], for n elements.
  void (*blend_rows)(const float* const* x, const float* weight, int64_t taps, float* y,
                     int64_t n) noexcept;
  // y[i] = sum over t of weight[t * n + i] * x[index[t * n + i]].
  void (*blend_gathered)(const float* x, const int32_t* index, const float* weight, int64_t taps,
                         float* y, int64_t n) noexcept;
  // For pick_rising: base and lane of n indices into rows of `width` elements.
  void (*plan_rising)(const int32_t* index, int64_t n, int64_t width, int32_t* base,
                      int32_t* lane) noexcept;
  // y[i] = x[index[i]] of any 32 bits. The same goes to `again`, unless that is null.
  void (*pick_rising)(const float* x, const RisingPicks& picks, float* y, float* again,
                      int64_t n) noexcept;
  int lanes;
};
FERRY_DECLARE_ISA_TABLE(ResizeKernels, kResizeKernels)

const ResizeKernels& resize_kernels(Isa isa) noexcept;

}  // namespace ferry
