// SPDX-License-Identifier: Apache-2.0
#include "ops/in_pieces.h"

#include <cstring>

namespace ferry {

Status copy_bytes_in_pieces(PollEvery& polls, const void* from, int64_t n, void* to) {
  constexpr int64_t kPiece = 256 << 10;
  for (int64_t at = 0; at < n; at += kPiece) {
    const int64_t piece = std::min(kPiece, n - at);
    FERRY_RETURN_IF_ERROR(polls.spend(8 + piece / 8));
    std::memcpy(static_cast<char*>(to) + at, static_cast<const char*>(from) + at,
                static_cast<size_t>(piece));
  }
  return {};
}

}  // namespace ferry
