// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool/typed_pool.h"

namespace ferry {

const TypedPoolKernels& typed_pool_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kTypedPoolKernels);
}

}  // namespace ferry
