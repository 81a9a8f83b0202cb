// SPDX-License-Identifier: Apache-2.0
// Spin: waiting for another core, politely. At first only the processor is told; after a few
// microseconds the core is offered to other threads between looks.
#pragma once

#include <sched.h>

#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ferry {

class Spin {
 public:
  using Clock = std::chrono::steady_clock;

  // Waits for some 10 ns, now and then for as long as others use the core. Returns how long the
  // spinning has lasted, as of the last look at the clock.
  std::chrono::nanoseconds wait() {
#if defined(__x86_64__)
    _mm_pause();
#else
    sched_yield();
#endif
    if (++spins_ % kSpinsPerLook != 0) return waited_;
    const Clock::time_point now = Clock::now();
    if (spins_ == kSpinsPerLook) start_ = now;
    waited_ = now - start_;
    if (waited_ > kAlone) {
      sched_yield();
      crowded_ = Clock::now() - now > kTaken;
    }
    return waited_;
  }

  // Another thread took the core when it was last offered.
  bool crowded() const { return crowded_; }
  void restart() { *this = Spin(); }

 private:
  static constexpr unsigned kSpinsPerLook = 32;
  static constexpr std::chrono::microseconds kAlone{5};
  // More than an offer costs that nobody takes.
  static constexpr std::chrono::microseconds kTaken{20};

  unsigned spins_ = 0;
  bool crowded_ = false;
  Clock::time_point start_;
  std::chrono::nanoseconds waited_{0};
};

}  // namespace ferry
