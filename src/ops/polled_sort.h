// SPDX-License-Identifier: Apache-2.0
// A stable sort that asks between its parts whether the run must stop.
#pragma once

#include <algorithm>
#include <vector>

#include "ops/in_ranges.h"
#include "ops/poll_every.h"

namespace ferry {

// Sorts by less(a, b), which takes about `work` elementary operations.
template <class T, class Less>
Status polled_stable_sort(EvalContext& c, std::vector<T>& items, int64_t work, Less&& less) {
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
  std::vector<T> merged;
  if (n > kRun) FERRY_RETURN_IF_ERROR(resize_in_ranges(c, merged, static_cast<int64_t>(n)));
  for (size_t width = kRun; width < n; width *= 2) {
    size_t left = 0, right = 0, middle = 0, end = 0;
    for (size_t to = 0; to < n; ++to) {
      if (to == end) {
        left = end;
        right = middle = std::min(left + width, n);
        end = std::min(middle + width, n);
      }
      FERRY_RETURN_IF_ERROR(polls.spend(work));
      const bool second = left == middle || (right < end && less(items[right], items[left]));
      merged[to] = std::move(items[second ? right++ : left++]);
    }
    items.swap(merged);
  }
  return {};
}

}  // namespace ferry
