// SPDX-License-Identifier: Apache-2.0
#include "kernels/typed/typed.h"

namespace ferry {

const TypedKernels& typed_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kTypedKernels);
}

}  // namespace ferry
