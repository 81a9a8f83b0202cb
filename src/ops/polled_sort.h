// SPDX-License-Identifier: Apache-2.0
// A stable sort that asks between its parts whether the run must stop.
#pragma once

#include <algorithm>
#include <span>

#include "ops/poll_every.h"
#include "ops/working_array.h"

namespace ferry {

// Sorts by less(a, b), which takes about `work` elementary operations.
template <class T, class Less>
Status polled_stable_sort(EvalContext& c, std::span<T> items, int64_t work, Less&& less) {
  constexpr size_t kRun = 4096;
  const size_t n = items.size();
  PollEvery polls(c);
  const auto at = [&](size_t i) {
    return items.begin() + static_cast<std::ptrdiff_t>(std::min(i, n));
  };
  for (size_t i = 0; i < n; i += kRun) {
    FERRY_RETURN_IF_ERROR(polls.spend(work * 16 * static_cast<int64_t>(kRun)));
    std::stable_sort(at(i), at(i + kRun), less);
  }
  if (n <= kRun) return {};
  FERRY_ASSIGN_OR_RETURN(auto other, WorkingArray<T>::make(c, static_cast<int64_t>(n)));
  T *from = items.data(), *merged = other.data();
  for (size_t width = kRun; width < n; width *= 2) {
    size_t left = 0, right = 0, middle = 0, end = 0;
    for (size_t to = 0; to < n; ++to) {
      if (to == end) {
        left = end;
        right = middle = std::min(left + width, n);
        end = std::min(middle + width, n);
      }
      FERRY_RETURN_IF_ERROR(polls.spend(work));
      const bool second = left == middle || (right < end && less(from[right], from[left]));
      merged[to] = from[second ? right++ : left++];
    }
    std::swap(from, merged);
  }
  if (from == items.data()) return {};
  return in_ranges(c, static_cast<int64_t>(n), 1, [&](int64_t first, int64_t last) {
    std::copy(from + first, from + last, items.data() + first);
  });
}

}  // namespace ferry
