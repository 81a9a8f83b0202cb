// SPDX-License-Identifier: Apache-2.0
// SharedJob: the parts of one job after another, dealt to the threads of a team.
//
// Thread t owns a contiguous share of the parts, the same for the same number of parts, so that
// what it wrote in one step it reads in the next. It takes its share from the front; when that is
// used up it takes from the back of the others' shares. A thread that comes late, or never, only
// misses work. Each thread writes to cache lines of its own, unless it takes from others.
//
// Why a claim for an old job fails: all of a share's state is one word that names its job, and a
// job ends only when all shares are used up. A word of an earlier job means a share that nobody
// has touched; it is opened only by who finds the claimant's job still published after reading it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/thread_pool.h"

namespace ferry {

class SharedJob {
 public:
  explicit SharedJob(int capacity);

  int capacity() const { return capacity_; }
  // While nobody else looks: how many threads share the jobs to come, at most capacity(). There is
  // no job until one is published: with other shares the last one would seem to have some left.
  void set_threads(int threads) {
    threads_.store(threads, std::memory_order_relaxed);
    published_.store(0, std::memory_order_relaxed);
  }

  // Thread 0 only. publish() makes the job visible to the others, finish() takes part in it and
  // returns when every part is done; `job` and `stop` must live so long. `parts` >= 1.
  void publish(int parts, const JobRef& job, const StopToken* stop);
  void publish(int parts, JobRef&& job, const StopToken* stop) = delete;
  void finish();

  // The job that is open or was last: changes with every job.
  uint64_t current() const { return published_.load(std::memory_order_seq_cst); }
  // Any thread but 0: takes part in that job; returns when nothing of it is left to claim.
  void help(int thread, uint64_t job);

 private:
  struct Lane {
    // The share: generation of its job, first and end of the claims that are left.
    alignas(64) std::atomic<uint64_t> share{0};
    // Generation of the thread's last job, and how many claims of it the thread has done.
    alignas(64) std::atomic<uint64_t> done{0};
  };

  int threads() const { return threads_.load(std::memory_order_relaxed); }
  uint32_t work(int thread, uint64_t job);
  bool claim(Lane& lane, int thread, uint64_t job, bool front, uint32_t& claimed);
  void run_claim(uint64_t claimed, uint64_t claims, int thread);

  int capacity_;
  std::atomic<int> threads_{1};
  std::unique_ptr<Lane[]> lanes_;
  uint32_t generation_;  // thread 0's
  // Generation << 32 | claims. A claim is one part, or several where there are very many.
  alignas(64) std::atomic<uint64_t> published_{0};
  std::atomic<const JobRef*> job_{nullptr};
  std::atomic<const StopToken*> stop_{nullptr};
  std::atomic<int> parts_{0};
};

}  // namespace ferry
