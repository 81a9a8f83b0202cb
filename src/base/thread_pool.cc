// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ferry {

namespace {

// How long a worker of a finished run spins before it sleeps: longer than the gap between two
// calls of a busy caller, short enough that an idle process shows no CPU time.
constexpr std::chrono::microseconds kLinger{50};
// Spins between two looks at the clock.
constexpr int kSpinsPerCheck = 64;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

int cgroup_cpus() {
  std::ifstream v2("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (v2 >> quota >> period && quota != "max" && period > 0) {
    return std::max(1, static_cast<int>(std::ceil(std::atof(quota.c_str()) / period)));
  }
  std::ifstream q("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), p("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double quota_us = 0;
  if (q >> quota_us && p >> period && quota_us > 0 && period > 0) {
    return std::max(1, static_cast<int>(std::ceil(quota_us / period)));
  }
  return 0;
}

}  // namespace

int available_cpus() noexcept {
  try {
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof(set), &set) == 0
                ? CPU_COUNT(&set)
                : static_cast<int>(std::thread::hardware_concurrency());
    if (const int quota = cgroup_cpus(); quota > 0) n = std::min(n, quota);
    return std::max(1, n);
  } catch (...) {
    return 1;
  }
}

// Next part of a closed job: no claim succeeds.
constexpr uint32_t kClosed = UINT32_MAX;

// The job that a team is working on. `state` holds generation << 32 | next part; a claim is a
// compare-and-swap of it, so a claim made for an old job fails. Between jobs it is closed.
struct TeamShared {
  alignas(64) std::atomic<uint64_t> state{kClosed};
  std::atomic<const JobRef*> job{nullptr};
  std::atomic<uint32_t> parts{0};
  const StopToken* stop = nullptr;
  alignas(64) std::atomic<int> done{0};
  std::atomic<bool> flush_denormals{false};
  std::vector<Worker*> workers;  // for the pool and the caller alone

  // Claims and runs parts of the current job until none is left.
  void work(int thread) {
    uint64_t s = state.load(std::memory_order_acquire);
    for (;;) {
      const auto part = static_cast<uint32_t>(s);
      const JobRef* j = job.load(std::memory_order_relaxed);
      if (part >= parts.load(std::memory_order_relaxed)) return;
      if (!state.compare_exchange_weak(s, s + 1, std::memory_order_acq_rel)) continue;
      if (stop == nullptr || stop->reason() == StopToken::Reason::kGoOn) {
        (*j)(static_cast<int>(part), thread);
      }
      done.fetch_add(1, std::memory_order_release);
      s = state.load(std::memory_order_acquire);
    }
  }
};

struct Worker {
  // Odd: leased; even: idle. Bumped under `mutex` with every lease and return; the worker waits
  // on it.
  alignas(64) std::atomic<uint32_t> ticket{0};
  std::mutex mutex;
  std::shared_ptr<TeamShared> team;  // guarded by `mutex`
  int thread = 0;                    // guarded by `mutex`
  Worker* next_idle = nullptr;       // guarded by the pool
};

namespace {

class Pool {
 public:
  // Leaked: workers may run until the process ends.
  static Pool& instance() {
    Pool* p = current().load(std::memory_order_acquire);
    if (p != nullptr) return *p;
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    p = current().load(std::memory_order_acquire);
    if (p == nullptr) {
      static const int once = pthread_atfork(nullptr, nullptr, [] { current().store(nullptr); });
      static_cast<void>(once);
      p = new Pool;
      current().store(p, std::memory_order_release);
    }
    return *p;
  }

  // A team with up to n workers.
  std::shared_ptr<TeamShared> take(int n, bool flush_denormals) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<TeamShared> team = free_team();
    team->flush_denormals.store(flush_denormals, std::memory_order_relaxed);
    // Teams larger than the machine are allowed (tests of thread counts ask for them), but the
    // pool as a whole stays bounded.
    constexpr int kMaxWorkers = 256;
    std::vector<Worker*>& taken = team->workers;
    taken.clear();
    taken.reserve(static_cast<size_t>(std::min(n, kMaxWorkers)));
    while (static_cast<int>(taken.size()) < n) {
      Worker* w = idle_;
      if (w != nullptr) {
        idle_ = w->next_idle;
      } else if (count_ < kMaxWorkers && may_grow(n)) {
        w = spawn();
      }
      if (w == nullptr) break;
      taken.push_back(w);
    }
    for (size_t i = 0; i < taken.size(); ++i) lease(taken[i], team, static_cast<int>(i) + 1);
    return team;
  }

  void give_back(const TeamShared& team) {
    const std::lock_guard lock(mutex_);
    for (Worker* w : team.workers) {
      lease(w, nullptr, 0);
      w->next_idle = idle_;
      idle_ = w;
    }
  }

 private:
  // One that neither a run nor a worker that is late to leave holds any more, so that after the
  // first few runs nothing is allocated.
  std::shared_ptr<TeamShared> free_team() {
    for (const std::shared_ptr<TeamShared>& t : teams_) {
      if (t.use_count() == 1) return t;
    }
    auto team = std::make_shared<TeamShared>();
    constexpr size_t kMaxKept = 64;
    if (teams_.size() < kMaxKept) teams_.push_back(team);
    return team;
  }

  static std::atomic<Pool*>& current() {
    static std::atomic<Pool*> pool{nullptr};
    return pool;
  }

  bool may_grow(int wanted) const { return count_ < std::max(available_cpus() - 1, wanted); }

  Worker* spawn() {
    auto* w = new Worker;
    try {
      std::thread(&Pool::serve, w).detach();
    } catch (...) {  // no more threads: run with those there are
      delete w;
      return nullptr;
    }
    ++count_;
    return w;
  }

  // A worker that still looks at its former team holds it by its own shared_ptr and finds every
  // job closed, so leases need no handshake.
  static void lease(Worker* w, const std::shared_ptr<TeamShared>& team, int thread) {
    {
      const std::lock_guard lock(w->mutex);
      w->team = team;
      w->thread = thread;
      w->ticket.fetch_add(1, std::memory_order_release);
    }
    if (team) w->ticket.notify_one();
  }

  static void serve(Worker* w) {
    uint32_t seen = 0;
    for (;;) {
      wait_for_team(w, seen);
      std::shared_ptr<TeamShared> team;
      int thread = 0;
      {
        const std::lock_guard lock(w->mutex);
        team = w->team;
        thread = w->thread;
        seen = w->ticket.load(std::memory_order_relaxed);
      }
      if (!team) continue;
      const FlushDenormals flush(team->flush_denormals.load(std::memory_order_relaxed));
      while (w->ticket.load(std::memory_order_acquire) == seen) {
        team->work(thread);
        relax();
      }
    }
  }

  // Returns when the ticket differs from `seen`: lingers, then sleeps.
  static void wait_for_team(Worker* w, uint32_t seen) {
    const auto until = std::chrono::steady_clock::now() + kLinger;
    do {
      for (int i = 0; i < kSpinsPerCheck; ++i) {
        if (w->ticket.load(std::memory_order_acquire) != seen) return;
        relax();
      }
    } while (std::chrono::steady_clock::now() < until);
    w->ticket.wait(seen, std::memory_order_acquire);
  }

  std::mutex mutex_;
  Worker* idle_ = nullptr;
  int count_ = 0;
  std::vector<std::shared_ptr<TeamShared>> teams_;
};

}  // namespace

Team::Team(int threads, bool flush_denormals, const StopToken* stop)
    : stop_(stop != nullptr && stop->can_stop() ? stop : nullptr) {
  if (threads <= 1) return;
  shared_ = Pool::instance().take(threads - 1, flush_denormals);
  size_ = 1 + static_cast<int>(shared_->workers.size());
  shared_->stop = stop_;
}

Team::~Team() {
  if (shared_) Pool::instance().give_back(*shared_);
}

void Team::parallel(int parts, JobRef job) {
  if (parts <= 1 || size_ == 1) {
    for (int p = 0; p < parts && !stopped(); ++p) job(p, 0);
    return;
  }
  TeamShared& s = *shared_;
  const uint64_t generation = (s.state.load(std::memory_order_relaxed) >> 32) + 1;
  s.done.store(0, std::memory_order_relaxed);
  s.job.store(&job, std::memory_order_relaxed);
  s.parts.store(static_cast<uint32_t>(parts), std::memory_order_relaxed);
  s.state.store(generation << 32, std::memory_order_release);
  s.work(0);
  while (s.done.load(std::memory_order_acquire) < parts) relax();
  // Closed before `job` dangles: a late worker finds nothing to claim.
  s.state.store(generation << 32 | kClosed, std::memory_order_release);
}

FlushDenormals::FlushDenormals(bool enable) : enabled_(enable) {
#if defined(__x86_64__)
  if (!enabled_) return;
  saved_ = _mm_getcsr();
  _mm_setcsr(saved_ | 0x8040u);  // flush to zero, denormals are zero
#endif
}

FlushDenormals::~FlushDenormals() {
#if defined(__x86_64__)
  if (enabled_) _mm_setcsr(saved_);
#endif
}

}  // namespace ferry
