// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool/norm_pool.h"

namespace ferry {

const NormPoolKernels& norm_pool_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kNormPoolKernels);
}

}  // namespace ferry
