// SPDX-License-Identifier: Apache-2.0
// The number of fields of an aggregate, found by how many braces initialise it.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

namespace ferry {

namespace field_detail {

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

// Converts to whatever a field wants. An optional is made from its content: both ways would be one
// too many.
struct Any {
  template <class T>
  requires(!is_optional<T>::value) operator T() const;  // NOLINT: implicit by design, never defined
};

template <size_t>
using AnyOf = Any;

template <class T, size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires { T{AnyOf<I>{}...}; };
}

template <class T, size_t n = 0>
constexpr size_t count() {
  if constexpr (!takes<T>(std::make_index_sequence<n + 1>{})) {
    return n;
  } else {
    return count<T, n + 1>();
  }
}

}  // namespace field_detail

template <class T>
constexpr size_t field_count() {
  return field_detail::count<T>();
}

}  // namespace ferry
