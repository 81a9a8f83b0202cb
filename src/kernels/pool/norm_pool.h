// SPDX-License-Identifier: Apache-2.0
// Sums of magnitudes or of squares under windows of fp32 planes, a row of the output at a time:
// rows of the window are combined element by element, then the combined row is slid along.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

struct NormPoolKernels {
  // y[i] = the magnitudes, or the squares, of the i-th values of `n` > 0 rows added up.
  void (*combine)(bool squares, const float* const* rows, int64_t n, float* y,
                  int64_t width) noexcept;
  // y[i] = x[i stride + t dilation] for t in [0, taps) added up.
  void (*slide)(const float* x, int64_t taps, int64_t dilation, int64_t stride, float* y,
                int64_t width) noexcept;
};
FERRY_DECLARE_ISA_TABLE(NormPoolKernels, kNormPoolKernels)

const NormPoolKernels& norm_pool_kernels(Isa isa) noexcept;

}  // namespace ferry
