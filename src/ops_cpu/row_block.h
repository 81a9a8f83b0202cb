// SPDX-License-Identifier: Apache-2.0
// Rows of numbers against vectors of floats, eight rows at a time in double. Sums run along the
// features in order: their bits are those of the reference kernels in src/ops/ml.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/status.h"
#include "kernels/row_sums/row_sums.h"
#include "plan/step_kernel.h"

namespace ferry {

enum class RowSum : uint8_t { kProduct, kSquaredDistance };

struct RowVectors {
  const RowSumKernels& kernels;
  RowSum kind = RowSum::kProduct;
  std::span<const float> vectors;  // [count, features]
  int64_t count = 0;
  std::span<const float> start;  // of the sum for each vector; empty for zeros
  int64_t work = 0;              // elementary operations that a sum costs afterwards
};

// Takes the sums of `rows` rows from row i on: `count` for each, one row behind the other.
using RowJob = std::function<void(int64_t i, int64_t rows, double* sums)>;

// For the rows of x, [n, features] or [features] of ai.onnx.ml's numbers, on all threads.
Status for_row_blocks(StepContext& c, const Tensor& x, const RowVectors& v, const RowJob& job);

}  // namespace ferry
