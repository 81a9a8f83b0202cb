// SPDX-License-Identifier: Apache-2.0
// One line of many, in pieces before which a loop asks as often as all of its work says.
#pragma once

#include <algorithm>
#include <type_traits>

#include "base/status.h"
#include "ops/poll_every.h"

namespace ferry {

constexpr int64_t kLongestPiece = 4096;

// Calls f(from, to) for pieces that cover [0, n); an element is `work` elementary operations.
template <class F>
Status in_pieces(PollEvery& polls, int64_t n, int64_t work, F&& f) {
  const int64_t piece =
      std::clamp<int64_t>((32 << 10) / std::max<int64_t>(work, 1), 64, kLongestPiece);
  for (int64_t from = 0; from < n; from += piece) {
    const int64_t to = std::min(n, from + piece);
    FERRY_RETURN_IF_ERROR(polls.spend((to - from) * work));
    f(from, to);
  }
  return {};
}

Status copy_bytes_in_pieces(PollEvery& polls, const void* from, int64_t n, void* to);

template <class T>
Status copy_in_pieces(PollEvery& polls, const T* from, int64_t n, T* to) {
  if constexpr (std::is_trivially_copyable_v<T>) {
    return copy_bytes_in_pieces(polls, from, n * static_cast<int64_t>(sizeof(T)), to);
  } else {
    return in_pieces(polls, n, 64,
                     [&](int64_t i, int64_t end) { std::copy(from + i, from + end, to + i); });
  }
}

}  // namespace ferry
