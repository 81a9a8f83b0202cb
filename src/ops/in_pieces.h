// SPDX-License-Identifier: Apache-2.0
// One line of many, in pieces before which a loop asks as often as all of its work says.
#pragma once

#include <algorithm>

#include "base/status.h"
#include "ops/poll_every.h"

namespace ferry {

// Calls f(from, to) for pieces that cover [0, n); an element is `work` elementary operations.
template <class F>
Status in_pieces(PollEvery& polls, int64_t n, int64_t work, F&& f) {
  const int64_t piece = std::clamp<int64_t>((32 << 10) / std::max<int64_t>(work, 1), 64, 4096);
  for (int64_t from = 0; from < n; from += piece) {
    const int64_t to = std::min(n, from + piece);
    FERRY_RETURN_IF_ERROR(polls.spend((to - from) * work));
    f(from, to);
  }
  return {};
}

}  // namespace ferry
