// SPDX-License-Identifier: Apache-2.0
// One process-wide pool of worker threads, and the Team that a run borrows from it.
//
// A run takes idle workers when it starts, possibly none, and keeps them to its end, so callers on
// few cores neither deadlock nor oversubscribe. Inside a run workers spin for work; without a run
// they sleep. Each thread has its own share of a job's parts (shared_job.h); who is late misses
// work. After fork() the child starts with a fresh, empty pool.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace ferry {

// CPUs this process may use: affinity mask and cgroup quota, at least 1.
int available_cpus() noexcept;

// A non-owning reference to a callable void(int part, int thread).
class JobRef {
 public:
  template <class F>
  JobRef(const F& f)  // NOLINT: implicit by design
      : object_(&f), call_([](const void* o, int part, int thread) {
          (*static_cast<const F*>(o))(part, thread);
        }) {}
  void operator()(int part, int thread) const { call_(object_, part, thread); }

 private:
  const void* object_;
  void (*call_)(const void*, int, int);
};

// Why a run must end before it is done: the caller's flag, or a deadline. Asked now and then by
// everything that takes long; once there is a reason, it stays.
class StopToken {
 public:
  enum class Reason : int { kGoOn, kCancelled, kDeadline };
  using Clock = std::chrono::steady_clock;

  StopToken(const std::atomic<bool>* cancel, std::optional<Clock::time_point> deadline)
      : cancel_(cancel), deadline_(deadline) {}
  // Cancelled when it is asked for the n-th time, so that a test can stop a run anywhere.
  explicit StopToken(int64_t n) : questions_(n) {}

  // False when nothing can ever stop the run.
  bool can_stop() const { return cancel_ != nullptr || deadline_.has_value() || questions_ > 0; }
  Reason reason() const {
    const Reason known = reason_.load(std::memory_order_relaxed);
    if (known != Reason::kGoOn || !can_stop()) return known;
    if (cancel_ != nullptr && cancel_->load(std::memory_order_relaxed)) {
      reason_.store(Reason::kCancelled, std::memory_order_relaxed);
    } else if (deadline_ && Clock::now() > *deadline_) {
      reason_.store(Reason::kDeadline, std::memory_order_relaxed);
    } else if (questions_ > 0 && asked_.fetch_add(1, std::memory_order_relaxed) + 1 >= questions_) {
      reason_.store(Reason::kCancelled, std::memory_order_relaxed);
    }
    return reason_.load(std::memory_order_relaxed);
  }

 private:
  const std::atomic<bool>* cancel_ = nullptr;
  std::optional<Clock::time_point> deadline_;
  int64_t questions_ = 0;
  mutable std::atomic<int64_t> asked_{0};
  mutable std::atomic<Reason> reason_{Reason::kGoOn};
};

// Ends of ranges of about a millisecond, as long as the run is not stopped. Without a constructor:
// what is not sliced shall not pay for it.
struct SliceClock {
  // The end of the range that begins at `from`; `from` itself when the run is stopped.
  int64_t first(const StopToken* stop, int64_t from, int64_t to, int64_t unit);
  int64_t next(int64_t from);

  const StopToken* stop;
  int64_t to, unit, units;
  StopToken::Clock::time_point start;
};

struct Worker;
struct TeamShared;

// The calling thread and the workers it borrowed. Used by one thread at a time.
class Team {
 public:
  // Borrows up to `threads - 1` idle workers (threads counts the caller). `stop` outlives the team.
  explicit Team(int threads = 1, bool flush_denormals = false, const StopToken* stop = nullptr);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // Threads that take part, the caller included. `thread` passed to jobs is in [0, size()).
  int size() const { return size_; }
  // Runs job(part, thread) for every part in [0, parts); returns when all are done. `job` must not
  // throw and must not call parallel(). Parts that have not begun when the run is stopped are left
  // out: whoever runs the step asks the token before trusting what it wrote.
  void parallel(int parts, JobRef job);

  // Calls f(from, to) for ranges that cover [from, to), cut at multiples of `unit`, until the run
  // is stopped. When nothing can stop it, that is one call; else ranges take about a millisecond.
  template <class F>
  void in_slices(int64_t from, int64_t to, int64_t unit, F&& f) const {
    SliceClock clock;  // NOLINT(*-member-init)
    // One call, so that what f does is there once.
    int64_t end = to;
    if (stop_ != nullptr && to - from > unit) end = clock.first(stop_, from, to, unit);
    while (from < end) {
      f(from, end);
      from = end;
      if (from < to) end = clock.next(from);
    }
  }

  // Whether the run is stopped; any thread may ask.
  bool stopped() const noexcept {
    return stop_ != nullptr && stop_->reason() != StopToken::Reason::kGoOn;
  }

 private:
  int size_ = 1;
  const StopToken* stop_;  // null when nothing can stop the run
  std::shared_ptr<TeamShared> shared_;
};

// Flushes subnormals to zero on this thread while it lives; restores the caller's state.
class FlushDenormals {
 public:
  explicit FlushDenormals(bool enable);
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  bool enabled_;
  unsigned saved_ = 0;
};

}  // namespace ferry
