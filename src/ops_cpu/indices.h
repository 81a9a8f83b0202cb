// SPDX-License-Identifier: Apache-2.0
// Indices that steps follow: checked many at a time, tuples of them made offsets.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "ops/arguments.h"

namespace ferry {

// Errors: kInvalidArgument unless all of `count` indices lie in [-n, n).
template <class I>
Status check_indices(const Tensor& indices, int64_t count, int64_t n) {
  const I* p = indices.data<I>();
  // A sign bit is set where p + n < 0 or n - 1 - p < 0; what overflows sets one too.
  uint64_t outside = 0;
  const auto size = static_cast<uint64_t>(n);
  for (int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<uint64_t>(static_cast<int64_t>(p[i]));
    outside |= (at + size) | (size - 1 - at);
  }
  if (static_cast<int64_t>(outside) >= 0) return {};
  const IndexReader read(indices);
  for (int64_t i = 0, at; i < count; ++i) FERRY_RETURN_IF_ERROR(read.get(i, n, at));
  return {};
}
// Of i32 or i64.
inline Status check_indices(const Tensor& indices, int64_t n) {
  return indices.dtype() == DType::kInt32 ? check_indices<int32_t>(indices, indices.count(), n)
                                          : check_indices<int64_t>(indices, indices.count(), n);
}

// offsets[i] = where tuple i of `m` indices points along axes [first, first + m) of `dims`, in
// blocks of the axes behind. Tuples begin at element `begin`. Errors: kInvalidArgument for an
// index outside its axis.
inline Status resolve_tuples(const Tensor& indices, int64_t begin, int64_t count, const Dims& dims,
                             size_t first, size_t m, int64_t* offsets) {
  const int64_t* p = indices.data<int64_t>() + begin;
  if (m == 1) {
    const int64_t n = dims[first];
    uint64_t outside = 0;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = p[i] + (p[i] < 0 ? n : 0);
      outside |= static_cast<uint64_t>(at) | static_cast<uint64_t>(n - 1 - at);
      offsets[i] = at;
    }
    // A sign bit is set where at < 0 or at >= n.
    if (static_cast<int64_t>(outside) >= 0) return {};
  }
  const IndexReader read(indices);
  for (int64_t i = 0, next = begin; i < count; ++i) {
    int64_t offset = 0;
    for (size_t a = first; a < first + m; ++a) {
      int64_t index = 0;
      FERRY_RETURN_IF_ERROR(read.get(next++, dims[a], index));
      offset = offset * dims[a] + index;
    }
    offsets[i] = offset;
  }
  return {};
}

}  // namespace ferry
