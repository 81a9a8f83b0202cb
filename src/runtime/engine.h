// SPDX-License-Identifier: Apache-2.0
// Engine: a graph made ready for this machine: passes, programs per set of outputs, run contexts,
// threads. What ferry::Session is made of.
//
// Threads: run() may be called from several threads at once.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fork_mutex.h"
#include "ferry/session.h"
#include "passes/pass.h"
#include "plan/program.h"
#include "runtime/program_cache.h"
#include "runtime/run_context.h"
#include "runtime/thread_choice.h"

namespace ferry {

class Engine {
 public:
  // `graph` is cloned. `kernels` must outlive the engine. `budget` counts its tensors; null: one of
  // the size that the options say.
  static Result<std::unique_ptr<Engine>> create(const Graph& graph, const SessionOptions& options,
                                                const KernelRegistry& kernels,
                                                std::shared_ptr<MemoryBudget> budget = nullptr);
  ~Engine();

  // Inputs and outputs in graph order.
  Status run(std::span<const Value> inputs, std::vector<Value>& outputs, const RunOptions& options,
             const std::function<void(const Program&, const Step&, double)>& observe = {});
  // Chosen outputs, internal values too. Errors: kInvalidArgument for an unknown name.
  Status run_for(std::span<const Value> inputs, const std::vector<std::string>& names,
                 std::vector<Value>& outputs, const RunOptions& options);

  const Program& program() const { return *main_.program; }
  SessionReport report();

 private:
  // A program and its idle contexts.
  struct Plan {
    std::unique_ptr<Program> program;
    std::unique_ptr<ThreadChoice> threads;  // null: the caller chose
    ForkMutex mutex;
    std::vector<std::unique_ptr<RunContext>> idle;
    uint64_t last_arena_bytes = 0, last_scratch_bytes = 0;
  };

  Engine() = default;
  Status prepare(const Graph& graph, const SessionOptions& options, const KernelRegistry& kernels);
  // `cache` may be null.
  Status make_main_program(ProgramCache* cache);
  // A copy of the source graph after the passes of the options.
  Result<std::unique_ptr<Graph>> optimize(std::vector<PassReport>* reports);
  Status plan(std::unique_ptr<Graph> graph, Plan& made);
  // Weights on small pages move to huge ones, where runs are up to a twentieth faster: from the
  // second run on, within the time for tuning and then a fiftieth of the time of runs.
  void gather_weights();
  bool may_gather(const RunOptions& options) const;
  // Their number is measured while it runs, unless the caller has chosen it.
  void choose_threads(Plan& plan);
  Result<Plan*> plan_for(const std::vector<std::string>& names);
  Status run_plan(Plan& plan, std::span<const Value> inputs, std::vector<Value>& outputs,
                  const RunOptions& options,
                  const std::function<void(const Program&, const Step&, double)>& observe);
  // The same on up to `threads` threads; those that there were.
  Status run_on(RunContext& context, int& threads, std::span<const Value> inputs,
                std::vector<Value>& outputs, const RunOptions& options,
                const std::function<void(const Program&, const Step&, double)>& observe);

  SessionOptions options_;
  PlanOptions plan_options_;
  std::shared_ptr<MemoryBudget> budget_;
  std::shared_ptr<BufferPool> pool_;
  std::optional<TuningBudget> tuning_;
  // The graph before passes, whose constants are the model's: what other sets of outputs are
  // planned from. Rewritten graphs are made again when they are needed, since they hold weights.
  std::unique_ptr<Graph> source_;
  Plan main_;
  std::span<std::byte> weights_;     // packed by main_
  std::atomic<size_t> gathered_{0};  // bytes of them
  std::optional<TuningBudget> gathering_;
  pid_t loaded_by_ = getpid();
  ForkMutex plans_mutex_;
  std::map<std::vector<std::string>, std::unique_ptr<Plan>> plans_;
  std::vector<PassReport> pass_reports_;
  std::atomic<uint64_t> runs_{0};
  CacheReport cache_report_;
  double load_milliseconds_ = 0;
};

}  // namespace ferry
