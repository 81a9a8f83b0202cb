// SPDX-License-Identifier: Apache-2.0
// Selection and sorting of many different numbers, in slices between which the run may be stopped.
// A run that was stopped leaves those of move_largest_first in any order, and any numbers in the
// place of what it sorts.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"

namespace ferry {

// Up to so many the library's own algorithms do it, at a stroke: about a millisecond.
inline constexpr int64_t kAtAStroke = 16 << 10;

// Up to so many are sorted by comparing them, without room.
inline constexpr int64_t kFew = 512;

// Moves the k largest of n items to the front, 1 <= k <= n, and returns the least of them; any of
// the n when stopped.
uint64_t move_largest_first(const Team& team, uint64_t* items, int64_t n, int64_t k);

// Sorts n items, the largest first; `room` has place for as many when n > kFew.
void sort_falling(const Team& team, uint64_t* items, int64_t n, uint64_t* room);

}  // namespace ferry
