// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "base/cgroup.h"
#include "base/shared_job.h"
#include "base/spin.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ferry {

namespace {

// How long a worker of a finished run spins before it sleeps: longer than the gap between two
// calls of a busy caller, short enough that an idle process shows no CPU time.
constexpr std::chrono::microseconds kLinger{50};
// The same inside a run: to be woken takes longer than most steps that one thread runs alone.
constexpr std::chrono::microseconds kLingerInRun{1000};
// Where more threads want to run than there are cores.
constexpr std::chrono::microseconds kLingerCrowded{5};
// How old the quota may be: it can change while the process runs.
constexpr std::chrono::milliseconds kQuotaKnownFor{100};

int quota_cpus() {
  static const CpuQuota quota;
  static std::atomic<int64_t> next_look{0};
  static std::atomic<int> cpus{0};
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  if (const std::chrono::nanoseconds t = now; t.count() >= next_look.load()) {
    cpus = quota.cpus();
    next_look = (t + kQuotaKnownFor).count();
  }
  return cpus;
}

}  // namespace

int available_cpus() noexcept {
  try {
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof(set), &set) == 0
                ? CPU_COUNT(&set)
                : static_cast<int>(std::thread::hardware_concurrency());
    if (const int quota = quota_cpus(); quota > 0) n = std::min(n, quota);
    return std::max(1, n);
  } catch (...) {
    return 1;
  }
}

// What a caller and its workers work on. No two teams that a thread might still look at share one.
struct TeamShared {
  explicit TeamShared(int capacity) : job(capacity) {}

  SharedJob job;
  const void* pool = nullptr;
  std::atomic<bool> flush_denormals{false};
  std::atomic<int> sleepers{0};  // workers that sleep inside the run
  std::vector<Worker*> workers;  // for the pool and the caller alone

  void wake();
};

struct Worker {
  // Bumped with every lease and return (under `mutex`), and to wake it inside a run; the worker
  // waits on it.
  alignas(64) std::atomic<uint32_t> ticket{0};
  std::atomic<bool> asleep{false};  // inside a run
  std::mutex mutex;
  std::shared_ptr<TeamShared> team;  // guarded by `mutex`
  int thread = 0;                    // guarded by `mutex`
  Worker* next_idle = nullptr;       // guarded by the pool
};

void TeamShared::wake() {
  if (sleepers.load(std::memory_order_seq_cst) == 0) return;
  for (Worker* w : workers) {
    if (!w->asleep.exchange(false, std::memory_order_acq_rel)) continue;
    w->ticket.fetch_add(1);
    w->ticket.notify_one();
  }
}

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

  // Every thread that runs something, with workers or without, between these two; they nest.
  void enter() {
    Presence& here = presence();
    if (here.pool != this) here = {this, 0};  // the child of a fork starts anew
    if (here.depth++ == 0) callers_.fetch_add(1, std::memory_order_relaxed);
  }
  void leave() {
    Presence& here = presence();
    if (here.pool != this || here.depth == 0) return;
    if (--here.depth == 0) callers_.fetch_sub(1, std::memory_order_relaxed);
  }

  // A team with up to n workers: no more than leave a core to every caller, though a caller that is
  // alone gets what it asks for.
  std::shared_ptr<TeamShared> take(int n, bool flush_denormals) {
    const int cpus = available_cpus();
    const std::lock_guard lock(mutex_);
    cpus_.store(cpus, std::memory_order_relaxed);
    const int callers = callers_.load(std::memory_order_relaxed);
    const int leased = leased_.load(std::memory_order_relaxed);
    n = std::min({n, kMaxWorkers, std::max(cpus, n + 1) - callers - leased});
    if (n <= 0) return nullptr;
    std::shared_ptr<TeamShared> team = free_team(n + 1);
    team->flush_denormals.store(flush_denormals, std::memory_order_relaxed);
    team->pool = this;
    std::vector<Worker*>& taken = team->workers;
    taken.clear();
    taken.reserve(static_cast<size_t>(n));
    while (static_cast<int>(taken.size()) < n) {
      Worker* w = idle_;
      if (w != nullptr) {
        idle_ = w->next_idle;
      } else if (count_ < kMaxWorkers) {
        w = spawn();
      }
      if (w == nullptr) break;
      taken.push_back(w);
    }
    team->job.set_threads(static_cast<int>(taken.size()) + 1);
    leased_.fetch_add(static_cast<int>(taken.size()), std::memory_order_relaxed);
    for (size_t i = 0; i < taken.size(); ++i) lease(taken[i], team, static_cast<int>(i) + 1);
    return team;
  }

  // The last worker first, so that the next team has the same workers in the same places: their
  // caches hold what they wrote. In the child of a fork the workers are no more.
  void give_back(const TeamShared& team) {
    if (team.pool != this) return;
    const std::lock_guard lock(mutex_);
    for (auto w = team.workers.rbegin(); w != team.workers.rend(); ++w) {
      lease(*w, nullptr, 0);
      (*w)->next_idle = idle_;
      idle_ = *w;
    }
    leased_.fetch_sub(static_cast<int>(team.workers.size()), std::memory_order_relaxed);
  }

 private:
  struct Presence {
    Pool* pool = nullptr;
    int depth = 0;
  };
  // Teams larger than the machine are allowed (tests of thread counts ask for them), but the pool
  // as a whole stays bounded.
  static constexpr int kMaxWorkers = 256;

  static Presence& presence() {
    thread_local Presence here;
    return here;
  }

  // One that neither a run nor a worker that is late to leave holds any more, so that after the
  // first few runs nothing is allocated.
  std::shared_ptr<TeamShared> free_team(int threads) {
    for (const std::shared_ptr<TeamShared>& t : teams_) {
      if (t.use_count() == 1 && t->job.capacity() >= threads) return t;
    }
    auto team = std::make_shared<TeamShared>(std::max(threads, cpus_.load()));
    constexpr size_t kMaxKept = 64;
    if (teams_.size() < kMaxKept) teams_.push_back(team);
    return team;
  }

  static std::atomic<Pool*>& current() {
    static std::atomic<Pool*> pool{nullptr};
    return pool;
  }

  Worker* spawn() {
    auto* w = new Worker;
    try {
      std::thread([this, w] { serve(w); }).detach();
    } catch (...) {  // no more threads: run with those there are
      delete w;
      return nullptr;
    }
    ++count_;
    return w;
  }

  // A worker that still looks at its former team holds it by its own shared_ptr and finds every
  // job done, so leases need no handshake.
  static void lease(Worker* w, const std::shared_ptr<TeamShared>& team, int thread) {
    {
      const std::lock_guard lock(w->mutex);
      w->team = team;
      w->thread = thread;
      w->ticket.fetch_add(1);
    }
    if (team) w->ticket.notify_one();
  }

  void serve(Worker* w) {
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
      serve_team(w, seen, *team, thread);
    }
  }

  // Until the ticket differs from `seen`.
  void serve_team(Worker* w, uint32_t seen, TeamShared& team, int thread) {
    uint64_t last = 0;
    Spin spin;
    while (w->ticket.load(std::memory_order_acquire) == seen) {
      if (const uint64_t job = team.job.current(); job != last) {
        team.job.help(thread, job);
        last = job;
        spin.restart();
      } else if (tired(spin, kLingerInRun)) {
        sleep_in_run(w, seen, team, last);
      }
    }
  }

  // Whoever publishes a job after `last` and does not see the sleeper is seen by it: one order of
  // all sequentially consistent operations.
  static void sleep_in_run(Worker* w, uint32_t seen, TeamShared& team, uint64_t last) {
    w->asleep.store(true, std::memory_order_relaxed);
    team.sleepers.fetch_add(1, std::memory_order_seq_cst);
    if (team.job.current() == last) w->ticket.wait(seen, std::memory_order_acquire);
    w->asleep.store(false, std::memory_order_relaxed);
    team.sleepers.fetch_sub(1, std::memory_order_relaxed);
  }

  // Returns when the ticket differs from `seen`: lingers, then sleeps.
  void wait_for_team(Worker* w, uint32_t seen) {
    Spin spin;
    while (w->ticket.load(std::memory_order_acquire) == seen) {
      if (!tired(spin, kLinger)) continue;
      w->ticket.wait(seen, std::memory_order_acquire);
      return;
    }
  }

  bool tired(Spin& spin, std::chrono::nanoseconds limit) const {
    const std::chrono::nanoseconds waited = spin.wait();
    return waited > limit || (waited > kLingerCrowded && (spin.crowded() || crowded()));
  }
  // Several callers, and more threads than cores. (One caller may ask for more than there are.)
  bool crowded() const {
    const int callers = callers_.load(std::memory_order_relaxed);
    return callers > 1 && callers + leased_.load(std::memory_order_relaxed) >
                              cpus_.load(std::memory_order_relaxed);
  }

  std::mutex mutex_;
  Worker* idle_ = nullptr;
  int count_ = 0;
  std::vector<std::shared_ptr<TeamShared>> teams_;
  alignas(64) std::atomic<int> callers_{0};
  std::atomic<int> leased_{0};
  std::atomic<int> cpus_{1};
};

}  // namespace

int64_t SliceClock::first(const StopToken* token, int64_t from, int64_t end, int64_t each) {
  stop = token;
  to = end;
  unit = each;
  units = 1;
  if (stop->reason() != StopToken::Reason::kGoOn) return from;
  start = StopToken::Clock::now();
  return from + unit;
}

int64_t SliceClock::next(int64_t from) {
  if (stop->reason() != StopToken::Reason::kGoOn) return from;
  constexpr std::chrono::duration<double> kSlice{1e-3};
  const auto now = StopToken::Clock::now();
  const std::chrono::duration<double> took = now - start;
  const double factor = kSlice.count() / std::max(took.count(), 1e-7);
  units = std::max<int64_t>(static_cast<int64_t>(double(units) * std::min(factor, 2.0)), 1);
  start = now;
  return to - from <= units * unit ? to : from + units * unit;
}

Team::Team(int threads, bool flush_denormals, const StopToken* stop)
    : stop_(stop != nullptr && stop->can_stop() ? stop : nullptr) {
  Pool& pool = Pool::instance();
  pool.enter();
  if (threads <= 1) return;
  shared_ = pool.take(threads - 1, flush_denormals);
  if (shared_) size_ = 1 + static_cast<int>(shared_->workers.size());
}

Team::~Team() {
  Pool& pool = Pool::instance();
  pool.leave();
  if (shared_) pool.give_back(*shared_);
}

void Team::parallel(int parts, JobRef job) {
  if (parts <= 1 || size_ == 1) {
    for (int p = 0; p < parts && !stopped(); ++p) job(p, 0);
    return;
  }
  shared_->job.publish(parts, job, stop_);
  shared_->wake();
  shared_->job.finish();
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
