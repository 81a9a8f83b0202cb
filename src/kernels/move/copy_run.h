// SPDX-License-Identifier: Apache-2.0
// memcpy for many short runs.
#pragma once

#include <cstdint>
#include <cstring>

namespace ferry {

// Up to 256 bytes without a call.
inline void copy_run(char* to, const char* from, int64_t bytes) {
  // Pieces of one size, the last one over what others have copied.
  const auto pieces = [&]<int64_t kBytes>() {
    for (int64_t i = 0; i < bytes - kBytes; i += kBytes) std::memcpy(to + i, from + i, kBytes);
    std::memcpy(to + bytes - kBytes, from + bytes - kBytes, kBytes);
  };
  if (bytes > 256) {
    std::memcpy(to, from, static_cast<size_t>(bytes));
  } else if (bytes >= 64) {
    pieces.template operator()<64>();
  } else if (bytes >= 16) {
    pieces.template operator()<16>();
  } else if (bytes >= 4) {
    pieces.template operator()<4>();
  } else {
    for (int64_t i = 0; i < bytes; ++i) to[i] = from[i];
  }
}

}  // namespace ferry
