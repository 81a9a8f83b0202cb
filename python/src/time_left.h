// SPDX-License-Identifier: Apache-2.0
// What is left of a call's time. The conversion of its inputs and outputs counts as the run does.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include "errors.h"
#include "ferry/session.h"

namespace ferry::python {

class TimeLeft {
 public:
  TimeLeft() = default;  // for ever
  // `options.timeout` counts from here.
  explicit TimeLeft(const RunOptions& options) : options_(options), start_(Clock::now()) {}

  // Raises Cancelled or DeadlineExceeded.
  void check() const {
    if (options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed)) {
      raise(Code::kCancelled, "the run was cancelled by its caller");
    }
    if (options_.timeout.count() > 0 && Clock::now() - start_ > options_.timeout) {
      raise(Code::kDeadlineExceeded, "the deadline of the run has passed");
    }
  }

  // Those of a run that begins now.
  RunOptions options() const {
    RunOptions left = options_;
    if (left.timeout.count() > 0) {
      left.timeout = std::max(left.timeout - (Clock::now() - start_), std::chrono::nanoseconds(1));
    }
    return left;
  }

 private:
  using Clock = std::chrono::steady_clock;
  RunOptions options_;
  Clock::time_point start_;
};

}  // namespace ferry::python
