// SPDX-License-Identifier: Apache-2.0
// Splits a range of independent units over a team.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"

namespace ferry {

// Work below these stays on one thread: waking the others costs as much.
inline constexpr int64_t kMinParallelBytes = 32 << 10;   // of memory to move
inline constexpr int64_t kMinParallelValues = 16 << 10;  // elements that take some arithmetic
inline constexpr int64_t kMinParallelWork = 64 << 10;    // multiply-adds

// What a thread does with a range of units. Borrows the callable, so that its code is there once
// however the units are split.
class RangeJob {
 public:
  template <class F>
  RangeJob(const F& f)  // NOLINT: implicit by design
      : object_(&f), call_([](const void* o, int64_t from, int64_t to, int thread) {
          (*static_cast<const F*>(o))(from, to, thread);
        }) {}
  void operator()(int64_t from, int64_t to, int thread) const { call_(object_, from, to, thread); }

 private:
  const void* object_;
  void (*call_)(const void*, int64_t, int64_t, int);
};

// Calls job(from, to, thread) for ranges that cover [0, units), unless the run is stopped.
void parallel_range(Team& team, int64_t units, bool worthwhile, RangeJob job);

}  // namespace ferry
