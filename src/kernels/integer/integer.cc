// SPDX-License-Identifier: Apache-2.0
#include "kernels/integer/integer.h"

namespace ferry {

const IntegerKernels& integer_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kIntegerKernels);
}

}  // namespace ferry
