// SPDX-License-Identifier: Apache-2.0
// Long loops of decoders in parts, between which decoding may be stopped.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/status.h"

namespace ferry::codec {

// DecodeOptions::stopped.
using Stopped = std::function<bool()>;
inline Status check_stopped(const Stopped& stopped) {
  return stopped && stopped() ? Status(Code::kCancelled, "decoding was stopped") : Status();
}

// Calls f(from, to) for parts that cover [0, n): samples or pixels.
template <class F>
Status in_parts(size_t n, const Stopped& stopped, F&& f) {
  constexpr size_t kPart = 64 << 10;
  for (size_t from = 0; from < n; from += kPart) {
    FERRY_RETURN_IF_ERROR(check_stopped(stopped));
    f(from, std::min(n, from + kPart));
  }
  return {};
}

// Lengthens an empty vector to n zeros by and by: memory that is touched for the first time takes
// long. Large pages are quickly taken, and given back.
template <class T>
Status grow(std::vector<T>& v, size_t n, const Stopped& stopped) {
  v.reserve(n);
#ifdef MADV_HUGEPAGE
  constexpr size_t kHugePage = size_t{2} << 20;
  const auto begin = (reinterpret_cast<uintptr_t>(v.data()) + kHugePage - 1) / kHugePage;
  const auto end = reinterpret_cast<uintptr_t>(v.data() + n) / kHugePage;
  if (n > 0 && begin < end) {
    (void)madvise(reinterpret_cast<void*>(begin * kHugePage), (end - begin) * kHugePage,
                  MADV_HUGEPAGE);
  }
#endif
  constexpr size_t kPart = (size_t{2} << 20) / sizeof(T);
  while (v.size() < n) {
    FERRY_RETURN_IF_ERROR(check_stopped(stopped));
    v.resize(std::min(n, v.size() + kPart));
  }
  return {};
}

}  // namespace ferry::codec
