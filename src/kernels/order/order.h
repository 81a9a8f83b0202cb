// SPDX-License-Identifier: Apache-2.0
// Where the largest or smallest fp32 value is: the first of equal ones; a NaN beats all numbers.
// And which boxes overlap, for the greedy selection of them.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

struct OrderKernels {
  // Of n > 0 contiguous values.
  int64_t (*arg_row)(const float* x, int64_t n, bool largest) noexcept;
  // Of the columns [0, cols) of n rows that are `stride` apart; n < 2^31.
  void (*arg_columns)(const float* x, int64_t n, int64_t stride, int64_t cols, bool largest,
                      int64_t* at) noexcept;
  // Whether any of n boxes shares more than `threshold` of the union with `box`. Boxes are y0, x0,
  // y1, x1: of `box` in turn, of the others each side in an array of its own. Boxes without area
  // overlap nothing.
  bool (*overlaps_any)(const float* const* sides, int64_t n, const float* box,
                       float threshold) noexcept;
};
FERRY_DECLARE_ISA_TABLE(OrderKernels, kOrderKernels)

const OrderKernels& order_kernels(Isa isa) noexcept;

}  // namespace ferry
