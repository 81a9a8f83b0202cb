// SPDX-License-Identifier: Apache-2.0
// Where the largest or smallest value is: the first of equal ones; a NaN beats all numbers. And
// which boxes overlap, for the greedy selection of them.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

// Values of type T: float, int32_t or int64_t.
template <class T>
struct OrderOf {
  // Of n > 0 contiguous values.
  int64_t (*arg_row)(const T* x, int64_t n, bool largest) noexcept;
  // Of the columns [0, cols) of n rows that are `stride` apart; n < 2^31.
  void (*arg_columns)(const T* x, int64_t n, int64_t stride, int64_t cols, bool largest,
                      int64_t* at) noexcept;
  // Passes by blocks of kOrderBlock values from x[from] on as long as all of them are worse than
  // `bar`; a NaN is not. Returns where it stopped, at the last at a part of a block before `to`.
  int64_t (*pass_worse)(const T* x, int64_t from, int64_t to, T bar, bool largest) noexcept;
  // The least and the largest of n > 0 values; null for floats.
  void (*range)(const T* x, int64_t n, T& low, T& high) noexcept;
};
inline constexpr int64_t kOrderBlock = 32;

struct OrderKernels {
  OrderOf<float> f32;
  OrderOf<int32_t> i32;
  OrderOf<int64_t> i64;
  // Whether any of n boxes shares more than `threshold` of the union with `box`. Boxes are y0, x0,
  // y1, x1: of `box` in turn, of the others each side in an array of its own. Boxes without area
  // overlap nothing.
  bool (*overlaps_any)(const float* const* sides, int64_t n, const float* box,
                       float threshold) noexcept;
};
FERRY_DECLARE_ISA_TABLE(OrderKernels, kOrderKernels)

const OrderKernels& order_kernels(Isa isa) noexcept;

template <class T>
const OrderOf<T>& order_of(Isa isa) noexcept;

}  // namespace ferry
