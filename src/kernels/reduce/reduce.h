// SPDX-License-Identifier: Apache-2.0
// Reductions that kernels/rows does not have: of other types than fp32, products, log-sum-exp.
//
// A kernel that does not exist for a type is null.
#pragma once

#include <cstdint>

#include "ferry/types.h"
#include "kernels/isa.h"
#include "kernels/pause.h"

namespace ferry {

enum class TypedReduction : uint8_t { kSum, kProd, kMax, kMin, kSumSquare, kL1 };

// y[c] = the n values x[c], x[stride + c], x[2 stride + c], ... reduced, for columns [0, cols);
// n > 0. One column with a stride of 1 is a row. There are `blocks` such [n, stride], one after the
// other, and so are their results, also `stride` apart. Integers wrap, NaN spreads.
using TypedReduce = void (*)(const void* x, void* y, int64_t blocks, int64_t n, int64_t stride,
                             int64_t cols, const Pause& pause) noexcept;

struct ReduceKernels {
  TypedReduce (*typed)(TypedReduction kind, DType type) noexcept;
  // y[r] = log(sum of exp(x[r, :])) of `rows` rows of n > 0 values.
  void (*log_sum_exp)(const float* x, float* y, int64_t rows, int64_t n,
                      const Pause& pause) noexcept;
  // Of columns [0, cols) of n > 0 rows that are `stride` apart.
  void (*log_sum_exp_columns)(const float* x, float* y, int64_t n, int64_t stride, int64_t cols,
                              const Pause& pause) noexcept;
};
FERRY_DECLARE_ISA_TABLE(ReduceKernels, kReduceKernels)

const ReduceKernels& reduce_kernels(Isa isa) noexcept;

}  // namespace ferry
