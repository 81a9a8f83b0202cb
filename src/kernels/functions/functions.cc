// SPDX-License-Identifier: Apache-2.0
#include "kernels/functions/functions.h"

namespace ferry {

const FunctionKernels& function_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kFunctionKernels);
}

}  // namespace ferry
