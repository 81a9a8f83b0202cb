// SPDX-License-Identifier: Apache-2.0
// Kernels over rows of fp32: softmax, normalisation and reductions, along a contiguous axis or
// down the columns of a matrix. A row's or a column's result does not depend on what else is
// computed in the same call.
#pragma once

#include <cstdint>

#include "kernels/isa.h"
#include "kernels/pause.h"

namespace ferry {

enum class RowReduction : uint8_t { kSum, kMax, kMin, kSumSquare, kL1 };

template <class T>
struct NormArgs {
  const T* scale = nullptr;  // n values
  const T* bias = nullptr;   // n values, or none
  float epsilon = 0;
  bool centred = true;    // false: RMS
  float* mean = nullptr;  // per row, or none
  float* inverse = nullptr;
  Pause pause;
};

struct RowKernels {
  // `rows` rows of n floats, one after the other.
  void (*softmax)(const float* x, float* y, int64_t rows, int64_t n, bool log,
                  const Pause& pause) noexcept;
  // Columns [0, cols) of n rows that are `stride` apart.
  void (*softmax_columns)(const float* x, float* y, int64_t n, int64_t stride, int64_t cols,
                          bool log, const Pause& pause) noexcept;
  void (*normalize)(const float* x, float* y, int64_t rows, int64_t n,
                    const NormArgs<float>& args) noexcept;
  // y[r] = x[r, :] reduced, times `factor`.
  void (*reduce)(RowReduction kind, const float* x, float* y, int64_t rows, int64_t n, float factor,
                 const Pause& pause) noexcept;
  // y[c] = x[:, c] reduced, times `factor`.
  void (*reduce_columns)(RowReduction kind, const float* x, float* y, int64_t n, int64_t stride,
                         int64_t cols, float factor, const Pause& pause) noexcept;
};
FERRY_DECLARE_ISA_TABLE(RowKernels, kRowKernels)

const RowKernels& row_kernels(Isa isa) noexcept;

}  // namespace ferry
