// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/reduce.h"

namespace ferry {

const ReduceKernels& reduce_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kReduceKernels);
}

}  // namespace ferry
