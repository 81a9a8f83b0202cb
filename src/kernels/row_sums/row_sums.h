// SPDX-License-Identifier: Apache-2.0
// Eight rows of doubles against vectors of floats: products or squared distances, added up in
// double along the features in their order, without fused multiply-adds.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

inline constexpr int64_t kSumRows = 8;

struct RowSumArgs {
  const double* rows = nullptr;  // feature k of row r at k * kSumRows + r
  const float* vectors = nullptr;
  const float* start = nullptr;  // of the sums of each vector; may be absent
  double* sums = nullptr;        // of row r and vector j at r * count + j
  int64_t features = 0, count = 0;
};

struct RowSumKernels {
  void (*products)(const RowSumArgs& args) noexcept;
  void (*squared_distances)(const RowSumArgs& args) noexcept;
};
FERRY_DECLARE_ISA_TABLE(RowSumKernels, kRowSumKernels)

const RowSumKernels& row_sum_kernels(Isa isa) noexcept;

}  // namespace ferry
