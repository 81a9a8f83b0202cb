// SPDX-License-Identifier: Apache-2.0
// Numbers as unsigned keys in the same order: the zeros equal, NaN above all numbers.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace ferry {

// Of 32 bits where they are enough.
template <class T>
using ordered_key_t = std::conditional_t<sizeof(T) <= 4, uint32_t, uint64_t>;

template <class T>
ordered_key_t<T> ordered_key(T v) {
  using Key = ordered_key_t<T>;
  constexpr Key kTop = Key{1} << (8 * sizeof(Key) - 1);
  if constexpr (std::is_floating_point_v<T>) {
    if (v != v) return ~Key{0};
    if (v == 0) v = 0;
    const auto bits = std::bit_cast<Key>(v);
    return (bits & kTop) != 0 ? ~bits : bits | kTop;
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<Key>(v) ^ kTop;
  } else {
    return v;
  }
}

}  // namespace ferry
