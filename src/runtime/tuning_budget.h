// SPDX-License-Identifier: Apache-2.0
// TuningBudget: what a session may still spend on choosing by measurement, whatever is chosen:
// numbers of threads, and schedules of steps. Counted is the time of the runs that are measured.
//
// Threads: all functions may be called from several threads at once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace ferry {

class TuningBudget {
 public:
  explicit TuningBudget(std::chrono::nanoseconds total) : left_ns_(total.count()) {}

  bool left() const { return left_ns_.load(std::memory_order_relaxed) > 0; }
  void spend(std::chrono::nanoseconds time) {
    left_ns_.fetch_sub(time.count(), std::memory_order_relaxed);
  }

 private:
  std::atomic<int64_t> left_ns_;
};

}  // namespace ferry
