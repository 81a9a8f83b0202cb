// SPDX-License-Identifier: Apache-2.0
#include "kernels/order/order.h"

namespace ferry {

const OrderKernels& order_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kOrderKernels);
}

template <>
const OrderOf<float>& order_of<float>(Isa isa) noexcept {
  return order_kernels(isa).f32;
}
template <>
const OrderOf<int32_t>& order_of<int32_t>(Isa isa) noexcept {
  return order_kernels(isa).i32;
}
template <>
const OrderOf<int64_t>& order_of<int64_t>(Isa isa) noexcept {
  return order_kernels(isa).i64;
}

}  // namespace ferry
