// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool/planar_pool.h"

namespace ferry {

const PlanarPoolKernels& planar_pool_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kPlanarPoolKernels);
}

}  // namespace ferry
