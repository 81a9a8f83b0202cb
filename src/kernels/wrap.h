// SPDX-License-Identifier: Apache-2.0
// Arithmetic of integers that wraps: it is done unsigned.
#pragma once

#include <cstdint>
#include <type_traits>

namespace ferry {

namespace wrap_detail {
template <class T, bool = std::is_integral_v<T>>
struct Wrap {
  using type = T;
};
template <class T>
struct Wrap<T, true> {
  using type = std::conditional_t<sizeof(T) <= 4, uint32_t, uint64_t>;
};
}  // namespace wrap_detail

// An unsigned integer at least as wide as T; a floating-point T itself.
template <class T>
using wrap_t = typename wrap_detail::Wrap<T>::type;

}  // namespace ferry
