// SPDX-License-Identifier: Apache-2.0
#include "kernels/rows/rows.h"

#include "kernels/rows/double_rows.h"

namespace ferry {

const RowKernels& row_kernels(Isa isa) noexcept { return FERRY_SELECT_ISA_TABLE(isa, kRowKernels); }
const DoubleRowKernels& double_row_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kDoubleRowKernels);
}

}  // namespace ferry
