// SPDX-License-Identifier: Apache-2.0
// A long loop in parts, between which the run is asked whether it must stop.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "base/status.h"
#include "ir/eval.h"

namespace ferry {

// Calls f(from, to) for ranges that cover [0, n), and asks before each; an item is `work`
// elementary operations. `f` may return a Status.
template <class F>
Status in_ranges(EvalContext& c, int64_t n, int64_t work, F&& f) {
  const int64_t most = std::max<int64_t>((64 << 10) / std::max<int64_t>(work, 1), 1);
  for (int64_t from = 0; from < n; from += most) {
    FERRY_RETURN_IF_ERROR(c.poll());
    const int64_t to = std::min(n, from + most);
    if constexpr (std::is_void_v<decltype(f(from, to))>) {
      f(from, to);
    } else {
      FERRY_RETURN_IF_ERROR(f(from, to));
    }
  }
  return {};
}

// Makes an empty vector that long, by and by: first touching its memory takes time.
template <class Vector>
Status resize_in_ranges(EvalContext& c, Vector& v, int64_t n) {
  v.reserve(static_cast<size_t>(n));
  return in_ranges(c, n, 1, [&](int64_t, int64_t to) { v.resize(static_cast<size_t>(to)); });
}

}  // namespace ferry
