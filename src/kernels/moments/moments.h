// SPDX-License-Identifier: Apache-2.0
// Statistics of fp32 values and the straight line that normalises them: what instance, group and
// batch normalisation are made of.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

struct MomentKernels {
  // Mean and variance (of the population) of n values, n > 0, in two passes. The second corrects
  // the mean: of equal values it is that value.
  void (*moments)(const float* x, int64_t n, double* mean, double* variance) noexcept;
  // y = a (x - mean) + b; y may be x. The mean keeps digits that a float lacks: where values differ
  // by little, they count.
  void (*affine)(const float* x, float* y, int64_t n, double mean, float a, float b) noexcept;
  // Of a dense matrix with at most kMaxSummedRows rows: sums[c] is the sum of its column c.
  void (*column_sums)(const float* x, int64_t rows, int64_t cols, double* sums) noexcept;
  // The same of d = x - centre[c], and of its squares.
  void (*column_deviations)(const float* x, int64_t rows, int64_t cols, const float* centre,
                            double* sums, double* squares) noexcept;
  // y = a[c] ((x - high[c]) - low[c]) + b[c] in column c; y may be x.
  void (*column_affine)(const float* x, float* y, int64_t rows, int64_t cols, const float* high,
                        const float* low, const float* a, const float* b) noexcept;
};
inline constexpr int64_t kMaxSummedRows = 256;  // what fp32 adds up before digits are lost
FERRY_DECLARE_ISA_TABLE(MomentKernels, kMomentKernels)

const MomentKernels& moment_kernels(Isa isa) noexcept;

}  // namespace ferry
