// SPDX-License-Identifier: Apache-2.0
// What the program cache did, for the reports of the verbs that make a session.
#pragma once

#include <string>
#include <string_view>

#include "ferry/session.h"
#include "json.h"
#include "text.h"

namespace ferry::cli {

inline Json cache_json(const SessionReport& made) {
  return {{"state", made.cache},
          {"file", made.cache_file},
          {"reason", made.cache_reason},
          {"bytes", made.cache_bytes}};
}

// "hit, 2.94 kB: folder/424b.ferryprogram"; "unused: x.npy: cannot be opened ..."; "" without one.
inline std::string cache_text(const Json& cache) {
  const auto state = cache["state"].get<std::string>();
  if (state == "off") return {};
  const auto file = cache["file"].get<std::string>(), reason = cache["reason"].get<std::string>();
  std::string text = state;
  if (!file.empty()) text += ", " + bytes_text(cache["bytes"].get<double>()) + ": " + file;
  if (!reason.empty()) text += (file.empty() ? ": " : "; ") + reason;
  return text;
}

// `head` and what the cache did; nothing without a cache.
inline void print_cache(const Json& cache, std::string_view head = "cache ") {
  if (const std::string text = cache_text(cache); !text.empty()) say("{}{}", head, text);
}

}  // namespace ferry::cli
