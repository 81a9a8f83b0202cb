// SPDX-License-Identifier: Apache-2.0
// Which elements of a tensor are not zero: what NonZero and Compress begin with.
#pragma once

#include <cstdint>

#include "ferry/types.h"

namespace ferry {

// Elements per part: the parts, and so the order of what is written, do not depend on the threads.
inline constexpr int64_t kKeptPart = 16 << 10;

template <class T>
int64_t count_kept(const T* x, int64_t n) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) count += x[i] != T(0) ? 1 : 0;
  return count;
}

// Writes the indices i, base added, of the elements that are kept to `at`, which has room for n;
// returns how many.
template <class T>
int64_t list_kept(const T* x, int64_t n, int64_t base, int64_t* at) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) {
    at[count] = base + i;
    count += x[i] != T(0) ? 1 : 0;
  }
  return count;
}

// Calls f(T{}) with the type of plain numbers of `type`; false for others.
template <class F>
bool with_plain_type(DType type, F&& f) {
  switch (type) {
    case DType::kBool:
    case DType::kUInt8:
    case DType::kInt8:
      return f(uint8_t{}), true;
    case DType::kInt32:
      return f(int32_t{}), true;
    case DType::kInt64:
      return f(int64_t{}), true;
    case DType::kFloat32:
      return f(float{}), true;
    case DType::kFloat64:
      return f(double{}), true;
    default:
      return false;
  }
}

}  // namespace ferry
