// SPDX-License-Identifier: Apache-2.0
// Weighted sums of fp32 rows, one axis of a resampling at a time; and picks from them.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

struct ResizeKernels {
  // y[i] = sum over t of weight[t] * x[t][i], for n elements.
  void (*blend_rows)(const float* const* x, const float* weight, int64_t taps, float* y,
                     int64_t n) noexcept;
  // y[i] = sum over t of weight[t * n + i] * x[index[t * n + i]].
  void (*blend_gathered)(const float* x, const int32_t* index, const float* weight, int64_t taps,
                         float* y, int64_t n) noexcept;
  // y[i] = x[index[i]] of any 32 bits; x has `width` of them, and indices never fall.
  void (*pick_rising)(const float* x, int64_t width, const int32_t* index, float* y,
                      int64_t n) noexcept;
};
FERRY_DECLARE_ISA_TABLE(ResizeKernels, kResizeKernels)

const ResizeKernels& resize_kernels(Isa isa) noexcept;

}  // namespace ferry
