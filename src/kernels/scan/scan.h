// SPDX-License-Identifier: Apache-2.0
// Running sums and products of fp32 values, computed in double one after the other: neighbours and
// cuts do not change a bit.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

struct ScanForm {
  bool product = false;    // else sums
  bool exclusive = false;  // of the values before each, itself left out
  bool reverse = false;    // from the last value to the first
};

// `totals` is the result of what came before, and then of all; one per row or column: a double for
// floats. Of 1 to kScanRows rows of n values that are `pitch` apart:
using ScanRows = void (*)(const void* x, void* y, int64_t rows, int64_t n, int64_t pitch,
                          const ScanForm& form, void* totals) noexcept;
// Of columns [0, cols) of n rows, each `next` after the one before it; form.reverse has no part.
using ScanColumns = void (*)(const void* x, void* y, int64_t n, int64_t next, int64_t cols,
                             const ScanForm& form, void* totals) noexcept;

struct ScanKernels {
  ScanRows rows;
  ScanColumns columns;
};
inline constexpr int64_t kScanRows = 4;
FERRY_DECLARE_ISA_TABLE(ScanKernels, kScanKernels)

const ScanKernels& scan_kernels(Isa isa) noexcept;

}  // namespace ferry
