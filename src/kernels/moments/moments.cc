// SPDX-License-Identifier: Apache-2.0
#include "kernels/moments/moments.h"

namespace ferry {

const MomentKernels& moment_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kMomentKernels);
}

}  // namespace ferry
