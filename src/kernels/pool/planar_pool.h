// SPDX-License-Identifier: Apache-2.0
// Pooling of fp32 planes, a row of the output at a time: rows of the window are combined element by
// element, then the combined row is slid along.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

enum class PoolFold : uint8_t { kMax, kSum, kSumSquare, kSumMagnitude };

struct PlanarPoolKernels {
  // y[i] = the i-th values of `n` > 0 rows folded; NaN spreads.
  void (*combine)(PoolFold fold, const float* const* rows, int64_t n, float* y,
                  int64_t width) noexcept;
  // y[i] = x[i stride + t dilation] for t in [0, taps) folded; kSum for all kinds of sums.
  void (*slide)(PoolFold fold, const float* x, int64_t taps, int64_t dilation, int64_t stride,
                float* y, int64_t width) noexcept;
};
FERRY_DECLARE_ISA_TABLE(PlanarPoolKernels, kPlanarPoolKernels)

const PlanarPoolKernels& planar_pool_kernels(Isa isa) noexcept;

}  // namespace ferry
