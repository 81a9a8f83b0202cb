// SPDX-License-Identifier: Apache-2.0
// Windows over fp32 planes, a row of the output at a time: the window's rows are joined element by
// element into a line, then the line's elements along it.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

enum class PoolJoin : uint8_t { kMax, kSum, kMagnitudes, kSquares };

struct PlanePoolKernels {
  // Joins the i-th values of `n` > 0 rows into even[i]; with `odd`, those of even i into even[i /
  // 2] and the others into odd[i / 2].
  void (*combine)(PoolJoin join, const float* const* rows, int64_t n, int64_t width, float* even,
                  float* odd) noexcept;
  // y[i] = line[taps[t] + i * step] for t in [0, n) joined; a sum is divided by columns[i] * rows,
  // of squares the root is taken. Reads up to a vector's i beyond `count`.
  void (*slide)(PoolJoin join, const float* line, int64_t step, const int64_t* taps, int64_t n,
                const float* columns, float rows, float* y, int64_t count) noexcept;
};
FERRY_DECLARE_ISA_TABLE(PlanePoolKernels, kPlanePoolKernels)

const PlanePoolKernels& plane_pool_kernels(Isa isa) noexcept;

}  // namespace ferry
