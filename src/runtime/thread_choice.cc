// SPDX-License-Identifier: Apache-2.0
#include "runtime/thread_choice.h"

#include <algorithm>
#include <bit>

#include "base/status.h"
#include "plan/flops.h"

namespace ferry {
namespace {

// One core of no particular machine: what counts is whether a step lasts longer than it takes to
// share it.
constexpr double kFlopsPerSecond = 30e9, kReferenceFlopsPerSecond = 0.5e9, kBytesPerSecond = 10e9;
constexpr double kStepSeconds = 0.2e-6;
constexpr double kShareSeconds = 0.7e-6;  // to hand a step out and collect it
constexpr double kWakeSeconds = 10e-6;    // the workers, once per run
constexpr double kWorthSharing = 3e-6;    // shorter steps stay on one thread

struct Cost {
  double alone = 0;   // seconds of what one thread runs
  double shared = 0;  // seconds of one thread for what several can share
  double shares = 0;  // steps of the latter kind
};

void add_cost(const Program& program, const SymbolLookup& symbols, Cost& cost) {
  for (const Step& step : program.steps) {
    if (step.skip) continue;
    cost.alone += kStepSeconds;
    bool bodies = false;
    for (const auto& body : step.bodies) {
      if (!body) continue;
      add_cost(*body, symbols, cost);
      bodies = true;
    }
    if (bodies) continue;
    const bool reference = step.kernel->name() == "reference";
    const double flops = node_flops(*program.graph, program.node(step), symbols).value_or(0);
    const double seconds = flops / (reference ? kReferenceFlopsPerSecond : kFlopsPerSecond) +
                           step_bytes(program, step, symbols) / kBytesPerSecond;
    if (reference || seconds < kWorthSharing) {
      cost.alone += seconds;
    } else {
      cost.shared += seconds;
      ++cost.shares;
    }
  }
}

// Inputs of the same number of bits in their element counts.
uint64_t sizes_of(std::span<const Value> inputs) {
  uint64_t hash = 1;
  for (const Value& v : inputs) {
    const uint64_t count =
        v.is_tensor() && v.tensor().defined() ? static_cast<uint64_t>(v.tensor().count()) : 0;
    hash = hash * 67 + static_cast<uint64_t>(std::bit_width(count)) + 1;
  }
  return hash;
}

}  // namespace

int modelled_threads(const Program& program, const SymbolLookup& symbols, int most) {
  Cost cost;
  add_cost(program, symbols, cost);
  int best = 1;
  double least = cost.alone + cost.shared;
  for (int n = 1; n < most;) {
    n = std::min(2 * n, most);
    const double seconds =
        cost.alone + cost.shared / n + cost.shares * kShareSeconds + kWakeSeconds;
    if (seconds < 0.95 * least) {
      least = seconds;
      best = n;
    }
  }
  return best;
}

struct ThreadChoice::Entry {
  uint64_t sizes = 0;           // set before it is counted
  std::atomic<int> threads{1};  // the choice so far
  std::atomic<bool> decided{false};
  // The rest under the mutex.
  std::optional<ThreadTuner> tuner;  // once a first run has ended
  int watched = 0;                   // runs that are under way
  bool disturbed = false;            // others began beside the one that is measured
};

ThreadChoice::ThreadChoice(int most, TuningBudget& budget)
    : most_(most), budget_(budget), entries_(std::make_unique<Entry[]>(kMaxEntries)) {}

ThreadChoice::~ThreadChoice() = default;

ThreadChoice::Entry* ThreadChoice::find(uint64_t sizes) {
  const size_t known = count_.load(std::memory_order_acquire);
  for (size_t i = 0; i < known; ++i) {
    if (entries_[i].sizes == sizes) return &entries_[i];
  }
  const std::lock_guard lock(mutex_);
  const size_t count = count_.load(std::memory_order_relaxed);
  for (size_t i = known; i < count; ++i) {
    if (entries_[i].sizes == sizes) return &entries_[i];
  }
  if (count == kMaxEntries) return &entries_[kMaxEntries - 1];
  entries_[count].sizes = sizes;
  entries_[count].threads = most_;
  entries_[count].decided = most_ == 1;
  count_.store(count + 1, std::memory_order_release);
  return &entries_[count];
}

ThreadChoice::Run ThreadChoice::begin(std::span<const Value> inputs) {
  Run run;
  run.entry_ = find(sizes_of(inputs));
  Entry& e = *run.entry_;
  if (last_.load(std::memory_order_relaxed) != &e) last_.store(&e, std::memory_order_relaxed);
  run.threads = e.threads.load(std::memory_order_relaxed);
  if (e.decided.load(std::memory_order_acquire)) return run;
  const std::lock_guard lock(mutex_);
  run.watched_ = true;
  run.first = !e.tuner;
  if (e.watched++ > 0) {
    e.disturbed = true;
  } else if (e.tuner && !e.tuner->decided()) {
    e.disturbed = false;
    run.measured_ = true;
    run.threads = e.tuner->next();
  }
  return run;
}

void ThreadChoice::end(const Run& run, double seconds, bool regular, int guess) {
  if (!run.watched_) return;
  Entry& e = *run.entry_;
  const std::lock_guard lock(mutex_);
  --e.watched;
  if (!e.tuner) {
    e.tuner.emplace(most_, guess);
  } else if (run.measured_ && regular && !e.disturbed) {
    e.tuner->record(seconds);
    budget_.spend(std::chrono::nanoseconds(static_cast<int64_t>(seconds * 1e9)));
  }
  if (!budget_.left()) e.tuner->stop();
  e.threads.store(e.tuner->best(), std::memory_order_relaxed);
  if (e.tuner->decided()) e.decided.store(true, std::memory_order_release);
}

int ThreadChoice::threads() const {
  const Entry* e = last_.load(std::memory_order_relaxed);
  return e == nullptr ? most_ : e->threads.load(std::memory_order_relaxed);
}

std::string ThreadChoice::reason() const {
  if (most_ == 1) return "the only CPU";
  const std::lock_guard lock(mutex_);
  const Entry* e = last_.load(std::memory_order_relaxed);
  if (e == nullptr || !e->tuner) return "all CPUs, until the first run has ended";
  const std::string measured = e->tuner->measured();
  if (!measured.empty()) return "measured: " + measured;
  return e->tuner->decided() ? "cost model" : "cost model, until enough runs are measured";
}

}  // namespace ferry
