// SPDX-License-Identifier: Apache-2.0
// The type that reference kernels compute in where a formula of several steps, or a sum of
// thousands, shall be rounded once.
#pragma once

#include <type_traits>

namespace ferry {

// double, and for double long double.
template <class T>
using wide_t = std::conditional_t<std::is_same_v<T, double>, long double, double>;

}  // namespace ferry
