// SPDX-License-Identifier: Apache-2.0
// ThreadChoice: how many threads the runs of a program take when the caller leaves it to Ferry.
//
// The first run takes all. Then a cost model guesses, and as long as the budget lasts runs are
// measured with more and fewer. Inputs of about the same size share a choice. Never a bit depends
// on it: kernels give the same results with any number of threads.
//
// Threads: all functions may be called from several threads at once.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/fork_mutex.h"
#include "ferry/tensor.h"
#include "plan/program.h"
#include "runtime/thread_tuner.h"
#include "runtime/tuning_budget.h"

namespace ferry {

// The cost model: of 1, 2, 4, ... and `most` threads those that a run should be fastest with.
int modelled_threads(const Program& program, const SymbolLookup& symbols, int most);

class ThreadChoice {
  struct Entry;

 public:
  // What one run takes; from begin() to end().
  class Run {
   public:
    int threads = 1;
    bool first = false;  // of this size: end() wants a guess

   private:
    friend class ThreadChoice;
    Entry* entry_ = nullptr;
    bool watched_ = false, measured_ = false;
  };

  ThreadChoice(int most, TuningBudget& budget);
  ~ThreadChoice();

  Run begin(std::span<const Value> inputs);
  // `regular`: it ended well, on run.threads threads, and its time means something. `guess`: what
  // the cost model says, after first runs.
  void end(const Run& run, double seconds, bool regular, int guess);

  // Of the last size that ran.
  int threads() const;
  std::string reason() const;

 private:
  Entry* find(uint64_t sizes);

  // Sizes that get a choice of their own; others share the last one.
  static constexpr size_t kMaxEntries = 8;

  const int most_;
  TuningBudget& budget_;
  mutable ForkMutex mutex_;
  std::unique_ptr<Entry[]> entries_;
  std::atomic<size_t> count_{0};
  std::atomic<Entry*> last_{nullptr};
};

}  // namespace ferry
