// SPDX-License-Identifier: Apache-2.0
// Splits a range of independent units over a team.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/thread_pool.h"

namespace ferry {

// Work below these stays on one thread: waking the others costs as much.
inline constexpr int64_t kMinParallelBytes = 32 << 10;   // of memory to move
inline constexpr int64_t kMinParallelValues = 16 << 10;  // elements that take some arithmetic
inline constexpr int64_t kMinParallelWork = 64 << 10;    // multiply-adds

// Calls f(from, to, thread) for ranges that cover [0, units), unless the run is stopped.
template <class F>
void parallel_range(Team& team, int64_t units, bool worthwhile, F&& f) {
  if (units <= 0) return;
  int64_t parts = 1;
  if (worthwhile && team.size() > 1) parts = std::min<int64_t>(units, 4 * team.size());
  if (parts == 1) {
    const auto whole = [&](int64_t from, int64_t to) { f(from, to, 0); };
    if (worthwhile)
      team.in_slices(0, units, 1, whole);
    else
      whole(0, units);
    return;
  }
  team.parallel(static_cast<int>(parts), [&](int part, int thread) {
    team.in_slices(units * part / parts, units * (part + 1) / parts, 1,
                   [&](int64_t from, int64_t to) { f(from, to, thread); });
  });
}

}  // namespace ferry
