// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool/plane_pool.h"

namespace ferry {

const PlanePoolKernels& plane_pool_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kPlanePoolKernels);
}

}  // namespace ferry
