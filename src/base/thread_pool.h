// SPDX-License-Identifier: Apache-2.0
// One process-wide pool of worker threads, and the Team that a run borrows from it.
//
// A run takes idle workers when it starts, possibly none, and keeps them to its end, so callers on
// few cores neither deadlock nor oversubscribe. Inside a run workers spin for work; without a run
// they sleep. Parts of a job are claimed one by one: a worker that wakes late only misses work.
// After fork() the child starts with a fresh, empty pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

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

struct Worker;
struct TeamShared;

// The calling thread and the workers it borrowed. Used by one thread at a time.
class Team {
 public:
  // Borrows up to `threads - 1` idle workers (threads counts the caller).
  explicit Team(int threads = 1, bool flush_denormals = false);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // Threads that take part, the caller included. `thread` passed to jobs is in [0, size()).
  int size() const { return size_; }
  // Runs job(part, thread) for every part in [0, parts); returns when all are done. `job` must not
  // throw and must not call parallel().
  void parallel(int parts, JobRef job);

 private:
  int size_ = 1;
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
