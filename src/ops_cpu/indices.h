// SPDX-License-Identifier: Apache-2.0
// Indices that steps follow: checked many at a time, tuples of them made offsets.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/status.h"
#include "ops/arguments.h"
#include "ops/in_ranges.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {

namespace indices_detail {

// Indices [from, to).
template <class I>
Status check(const Tensor& indices, int64_t from, int64_t to, int64_t n) {
  const I* p = indices.data<I>();
  // A sign bit is set where p + n < 0 or n - 1 - p < 0; what overflows sets one too.
  uint64_t outside = 0;
  const auto size = static_cast<uint64_t>(n);
  for (int64_t i = from; i < to; ++i) {
    const auto at = static_cast<uint64_t>(static_cast<int64_t>(p[i]));
    outside |= (at + size) | (size - 1 - at);
  }
  if (static_cast<int64_t>(outside) >= 0) return {};
  const IndexReader read(indices);
  for (int64_t i = from, at; i < to; ++i) FERRY_RETURN_IF_ERROR(read.get(i, n, at));
  return {};
}

inline Status resolve(const Tensor& indices, int64_t begin, int64_t count, const Dims& dims,
                      size_t first, size_t m, int64_t* offsets) {
  const int64_t* p = indices.data<int64_t>() + begin;
  uint64_t outside = 0;
  const auto along = [&](int64_t index, int64_t n) {
    const int64_t at = index + (index < 0 ? n : 0);
    outside |= static_cast<uint64_t>(at) | static_cast<uint64_t>(n - 1 - at);
    return at;
  };
  if (m == 1) {
    const int64_t n = dims[first];
    for (int64_t i = 0; i < count; ++i) offsets[i] = along(p[i], n);
  } else {
    for (int64_t i = 0; i < count; ++i) {
      uint64_t offset = 0;  // of what lies outside, it may wrap
      for (size_t a = first; a < first + m; ++a) {
        const auto n = static_cast<uint64_t>(dims[a]);
        offset = offset * n + static_cast<uint64_t>(along(*p++, dims[a]));
      }
      offsets[i] = static_cast<int64_t>(offset);
    }
  }
  // A sign bit is set where at < 0 or at >= n.
  if (static_cast<int64_t>(outside) >= 0) return {};
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

}  // namespace indices_detail

// Errors: kInvalidArgument unless all indices, of i32 or i64, lie in [-n, n).
inline Status check_indices(EvalContext& c, const Tensor& indices, int64_t n) {
  return in_ranges(c, indices.count(), 1, [&](int64_t from, int64_t to) {
    return indices.dtype() == DType::kInt32 ? indices_detail::check<int32_t>(indices, from, to, n)
                                            : indices_detail::check<int64_t>(indices, from, to, n);
  });
}

// offsets[i] = where tuple i of `m` indices points along axes [first, first + m) of `dims`, in
// blocks of the axes behind. Tuples begin at element `begin`. Errors: kInvalidArgument for an
// index outside its axis.
inline Status resolve_tuples(StepContext& c, const Tensor& indices, int64_t begin, int64_t count,
                             const Dims& dims, size_t first, size_t m, int64_t* offsets) {
  const auto width = static_cast<int64_t>(m);
  const auto resolve = [&](int64_t from, int64_t to) {
    return indices_detail::resolve(indices, begin + from * width, to - from, dims, first, m,
                                   offsets + from);
  };
  std::atomic<bool> inside = true;
  parallel_range(c.team(), count, count * width >= kMinParallelValues,
                 [&](int64_t from, int64_t to, int) {
                   if (!resolve(from, to).ok()) inside = false;
                 });
  FERRY_RETURN_IF_ERROR(c.poll());
  // Once more in order, for the first one outside.
  if (!inside) return in_ranges(c, count, 4 * std::max<int64_t>(width, 1), resolve);
  return {};
}

}  // namespace ferry
