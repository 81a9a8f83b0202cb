// SPDX-License-Identifier: Apache-2.0
// Softmax and normalisation over rows of doubles. A row's or a column's result does not depend on
// what else is computed in the same call.
#pragma once

#include "kernels/rows/rows.h"

namespace ferry {

struct DoubleRowKernels {
  // As in RowKernels.
  void (*softmax)(const double* x, double* y, int64_t rows, int64_t n, bool log,
                  const Pause& pause) noexcept;
  void (*softmax_columns)(const double* x, double* y, int64_t n, int64_t stride, int64_t cols,
                          bool log, const Pause& pause) noexcept;
  void (*normalize)(const double* x, double* y, int64_t rows, int64_t n,
                    const NormArgs<double>& args) noexcept;
  // As in MomentKernels.
  void (*moments)(const double* x, int64_t n, double* mean, double* variance) noexcept;
  void (*affine)(const double* x, double* y, int64_t n, double mean, double a, double b) noexcept;
};
FERRY_DECLARE_ISA_TABLE(DoubleRowKernels, kDoubleRowKernels)

const DoubleRowKernels& double_row_kernels(Isa isa) noexcept;

}  // namespace ferry
