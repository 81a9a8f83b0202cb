// SPDX-License-Identifier: Apache-2.0
// Conversions between numbers that are defined for every value.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace ferry {

// A floating value as an integer: truncated, clamped to the range of T, NaN as 0.
template <class T>
T clamp_to_int(double v) {
  static_assert(std::is_integral_v<T>);
  using Limits = std::numeric_limits<T>;
  if (std::isnan(v)) return 0;
  // 2^63 and 2^64 are doubles, the largest 64-bit integers are not.
  if (v >= std::ldexp(1.0, Limits::digits)) return Limits::max();
  if (v <= static_cast<double>(Limits::min())) return Limits::min();
  return static_cast<T>(v);
}

// Any number as T: integers wrap, floating values round or clamp.
template <class T, class From>
T convert_number(From v) {
  if constexpr (std::is_integral_v<T> && std::is_floating_point_v<From>) {
    return clamp_to_int<T>(static_cast<double>(v));
  } else {
    return static_cast<T>(v);
  }
}

// Signed arithmetic that wraps.
template <class T>
T wrap_add(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class T>
T wrap_sub(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
template <class T>
T wrap_mul(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

}  // namespace ferry
