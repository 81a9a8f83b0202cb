// SPDX-License-Identifier: Apache-2.0
#include "kernels/product/product.h"

namespace ferry {

const ProductKernels& product_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kProductKernels);
}

}  // namespace ferry
