// SPDX-License-Identifier: Apache-2.0
#include "kernels/resize/resize.h"

namespace ferry {

const ResizeKernels& resize_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kResizeKernels);
}

}  // namespace ferry
