// SPDX-License-Identifier: Apache-2.0
#include "kernels/row_sums/row_sums.h"

namespace ferry {

const RowSumKernels& row_sum_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kRowSumKernels);
}

}  // namespace ferry
