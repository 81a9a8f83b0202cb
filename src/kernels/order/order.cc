// SPDX-License-Identifier: Apache-2.0
#include "kernels/order/order.h"

namespace ferry {

const OrderKernels& order_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kOrderKernels);
}

}  // namespace ferry
