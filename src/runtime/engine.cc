// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/choose_isa.h"
#include "base/nearest.h"
#include "base/pages.h"
#include "base/status.h"
#include "ir/constant_memory.h"
#include "passes/pipelines.h"
#include "plan/panels.h"
#include "plan/strips.h"
#include "runtime/evaluate_constant.h"
#include "runtime/pass_names.h"

namespace ferry {
namespace {

// Plans kept for sets of outputs other than the model's own.
constexpr size_t kMaxPlans = 16;
// Idle contexts kept per plan: one per caller that runs at the same time; where memory is
// preferred, one, since each has an arena.
constexpr size_t kMaxIdleContexts = 64;
// Of the time of runs, beyond the time for tuning, that moving weights to huge pages may take.
constexpr int kGatheringShare = 50;

// Errors: names that no output and no value of the graph has.
Status check_value_names(const Graph& graph, const std::vector<std::string>& wanted) {
  std::vector<std::string> known = graph.output_names();
  const size_t outputs = known.size();
  for (ValueId v = 0; v < graph.num_values(); ++v) known.push_back(graph.value(v).name);
  for (const std::string& name : wanted) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string list;
    for (size_t i = 0; i < outputs; ++i) {
      list += fmt::format("{}'{}'", i == 0 ? "" : ", ", known[i]);
    }
    return invalid_argument("the model has no value named '{}'; its outputs are {}{}", name, list,
                            did_you_mean(name, known));
  }
  return {};
}

}  // namespace

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::create(const Graph& graph, const SessionOptions& options,
                                               const KernelRegistry& kernels,
                                               std::shared_ptr<MemoryBudget> budget) {
  const auto start = std::chrono::steady_clock::now();
  std::unique_ptr<Engine> engine(new Engine);
  engine->budget_ = budget ? std::move(budget) : MemoryBudget::create(options.memory_limit_bytes);
  FERRY_RETURN_IF_ERROR(engine->prepare(graph, options, kernels));
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  engine->load_milliseconds_ = took.count();
  return engine;
}

Status Engine::prepare(const Graph& graph, const SessionOptions& options,
                       const KernelRegistry& kernels) {
  options_ = options;
  if (options.threads < 0)
    return invalid_argument("threads is {}, wanted 0 or more", options.threads);
  if (options.prefer != Prefer::kSpeed && options.prefer != Prefer::kMemory) {
    return invalid_argument("prefer is {}, wanted 0 (speed) or 1 (memory)",
                            static_cast<int>(options.prefer));
  }
  FERRY_RETURN_IF_ERROR(check_passes_off(options.passes_off));
  if (options.tuning_ms < 0)
    return invalid_argument("tuning_ms is {}, wanted 0 or more", options.tuning_ms);
  tuning_.emplace(std::chrono::milliseconds(options.tuning_ms));
  gathering_.emplace(std::chrono::milliseconds(options.tuning_ms));
  FERRY_ASSIGN_OR_RETURN(plan_options_.isa, choose_isa(options.isa));
  plan_options_.exact = options.accuracy == Accuracy::kExact;
  plan_options_.prefer_memory = options.prefer == Prefer::kMemory;
  plan_options_.threads = options.threads == 0 ? available_cpus() : options.threads;
  plan_options_.reference_only = options.reference_kernels;
  plan_options_.kernels = &kernels;
  plan_options_.budget = budget_.get();
  pool_ = std::make_shared<BufferPool>(budget_.get(), !plan_options_.prefer_memory);

  PassOptions passes;
  passes.off = options.passes_off;
  if (is_off(passes, kStripsName)) plan_options_.strips = StripUse::kNever;

  source_ = graph.clone();
  const std::unique_ptr<ProgramCache> cache = ProgramCache::open(options);
  const Status status = make_main_program(cache.get());
  if (cache) cache_report_ = cache->report();
  FERRY_RETURN_IF_ERROR(status);
  choose_threads(main_);
  return {};
}

Status Engine::make_main_program(ProgramCache* cache) {
  PlanOptions o = plan_options_;
  if (auto loaded = cache ? cache->find(*source_, o, budget_.get()) : nullptr) {
    o.panels = &loaded->panels;
    auto program = plan_graph(std::move(loaded->graph), o);
    const Status status = program.ok() ? loaded->panels.check_used() : program.status();
    if (status.ok()) {
      main_.program = *std::move(program);
      main_.program->source_bytes = loaded->panels.source_bytes();
      main_.program->packed_bytes -=
          std::min<size_t>(main_.program->packed_bytes, loaded->panels.shared_bytes());
      return {};
    }
    cache->reject(status);
  }
  PanelStore panels;
  o.panels = &panels;
  FERRY_ASSIGN_OR_RETURN(std::unique_ptr<Graph> graph, optimize(&pass_reports_));
  FERRY_RETURN_IF_ERROR(prepare_graph(*graph, o));
  // Planning lets go of constants that the cache must hold.
  std::unique_ptr<Graph> planned = cache ? graph->clone() : nullptr;
  FERRY_ASSIGN_OR_RETURN(main_.program, plan_graph(std::move(graph), o));
  if (options_.optimize && plan_options_.strips != StripUse::kNever) {
    pass_reports_.push_back({.name = std::string(kStripsName), .changes = main_.program->strips});
  }
  if (cache) cache->describe(*planned, *main_.program, panels);
  planned.reset();
  FERRY_RETURN_IF_ERROR(panels.pack(o.threads, o.budget));
  main_.program->source_bytes = panels.source_bytes();
  main_.program->packed_bytes -=
      std::min<size_t>(main_.program->packed_bytes, panels.shared_bytes());
  weights_ = panels.memory();
  drop_constant_pages(*source_);
  if (cache) cache->write();
  return {};
}

Result<std::unique_ptr<Graph>> Engine::optimize(std::vector<PassReport>* reports) {
  std::unique_ptr<Graph> graph = source_->clone();
  FERRY_RETURN_IF_ERROR(align_constants(*graph, budget_.get()));
  if (!options_.optimize) {
    remove_dead_nodes(*graph);
    return graph;
  }
  PassOptions options;
  options.exact = plan_options_.exact;
  options.off = options_.passes_off;
  options.budget = budget_.get();
  options.max_fold_bytes_per_value = options_.max_fold_bytes_per_value;
  if (options_.max_fold_bytes != 0) options.max_fold_bytes = options_.max_fold_bytes;
  std::vector<Pass> passes = standard_pipeline();
  if (!options_.reference_kernels) {
    for (Pass& pass : engine_pipeline()) passes.push_back(std::move(pass));
    options.evaluate = [this](const Node& n, std::span<const Value> inputs,
                              std::vector<Value>& outputs, const InterpretOptions& interpret,
                              std::chrono::steady_clock::time_point until) {
      return evaluate_constant(n, inputs, outputs, interpret, until, plan_options_);
    };
  }
  FERRY_ASSIGN_OR_RETURN(std::vector<PassReport> done, run_passes(*graph, passes, options));
  if (reports != nullptr) *reports = std::move(done);
  return graph;
}

Status Engine::plan(std::unique_ptr<Graph> graph, Plan& made) {
  FERRY_ASSIGN_OR_RETURN(made.program, make_program(std::move(graph), plan_options_));
  choose_threads(made);
  return {};
}

void Engine::choose_threads(Plan& plan) {
  if (options_.threads != 0) return;
  plan.threads = std::make_unique<ThreadChoice>(plan_options_.threads, *tuning_);
}

void Engine::gather_weights() {
  constexpr size_t kPiece = size_t{2} << 20;
  while (gathered_.load(std::memory_order_relaxed) < weights_.size() && gathering_->left()) {
    const size_t at = gathered_.fetch_add(kPiece);
    if (at >= weights_.size()) return;
    const auto start = std::chrono::steady_clock::now();
    const auto piece = weights_.subspan(at, std::min(kPiece, weights_.size() - at));
    if (!gather_pages(piece.data(), piece.size())) gathered_ = weights_.size();
    gathering_->spend(std::chrono::steady_clock::now() - start);
  }
}

// Not while a caller waits with a deadline, and not in a child that shares the weights with others.
bool Engine::may_gather(const RunOptions& options) const {
  return options_.tuning_ms > 0 && gathered_.load(std::memory_order_relaxed) < weights_.size() &&
         options.cancel == nullptr && options.timeout.count() == 0 && getpid() == loaded_by_;
}

Status Engine::run_on(RunContext& context, int& threads, std::span<const Value> inputs,
                      std::vector<Value>& outputs, const RunOptions& options,
                      const std::function<void(const Program&, const Step&, double)>& observe) {
  const BufferPool::Run run(*pool_);
  std::optional<StopToken::Clock::time_point> deadline;
  // Beyond a year the clock's own range may end first.
  constexpr std::chrono::hours kNever{24 * 365};
  if (options.timeout.count() != 0 && options.timeout < kNever) {
    deadline = StopToken::Clock::now() + options.timeout;
  }
  const StopToken stop(options.cancel, deadline);
  Team team(threads, !plan_options_.exact, &stop);
  threads = team.size();
  const FlushDenormals flush(!plan_options_.exact);
  RunControl control{.budget = budget_.get(),
                     .team = &team,
                     .stop = &stop,
                     .seed = runs_.fetch_add(1),
                     .observe = observe};
  return context.run(inputs, outputs, control);
}

Status Engine::run_plan(Plan& plan, std::span<const Value> inputs, std::vector<Value>& outputs,
                        const RunOptions& options,
                        const std::function<void(const Program&, const Step&, double)>& observe) {
  std::unique_ptr<RunContext> context;
  {
    const std::lock_guard lock(plan.mutex);
    if (!plan.idle.empty()) {
      context = std::move(plan.idle.back());
      plan.idle.pop_back();
    }
  }
  if (!context) context = std::make_unique<RunContext>(*plan.program, pool_);
  const bool gathers = may_gather(options);
  if (gathers && runs_.load(std::memory_order_relaxed) > 0) gather_weights();
  const auto start = std::chrono::steady_clock::now();
  Status status;
  if (plan.threads == nullptr) {
    int threads = plan_options_.threads;
    status = run_on(*context, threads, inputs, outputs, options, observe);
  } else {
    const ThreadChoice::Run choice = plan.threads->begin(inputs);
    // CPUs may have been taken away since the session was made.
    int threads = choice.threads > 1 ? std::min(choice.threads, available_cpus()) : 1;
    status = run_on(*context, threads, inputs, outputs, options, observe);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const bool regular = status.ok() && threads == choice.threads && !observe;
    const auto lookup = [&](std::string_view name) { return context->lookup(name); };
    const int guess =
        choice.first ? modelled_threads(*plan.program, lookup, plan_options_.threads) : 0;
    plan.threads->end(choice, took.count(), regular, guess);
  }
  if (gathers) {
    gathering_->spend((start - std::chrono::steady_clock::now()) / kGatheringShare);
  }
  const std::lock_guard lock(plan.mutex);
  plan.last_arena_bytes = context->arena_bytes();
  plan.last_scratch_bytes = context->scratch_bytes();
  const size_t kept = plan_options_.prefer_memory ? 1 : kMaxIdleContexts;
  if (plan.idle.size() < kept) plan.idle.push_back(std::move(context));
  return status;
}

Status Engine::run(std::span<const Value> inputs, std::vector<Value>& outputs,
                   const RunOptions& options,
                   const std::function<void(const Program&, const Step&, double)>& observe) {
  return run_plan(main_, inputs, outputs, options, observe);
}

Result<Engine::Plan*> Engine::plan_for(const std::vector<std::string>& names) {
  {
    const std::lock_guard lock(plans_mutex_);
    if (const auto it = plans_.find(names); it != plans_.end()) return it->second.get();
  }
  FERRY_RETURN_IF_ERROR(check_value_names(*source_, names));
  // Values that rewrites removed still exist in the source graph.
  for (const bool rewritten : {true, false}) {
    std::unique_ptr<Graph> graph;
    if (rewritten) {
      FERRY_ASSIGN_OR_RETURN(graph, optimize(nullptr));
    } else {
      graph = source_->clone();
      FERRY_RETURN_IF_ERROR(align_constants(*graph, budget_.get()));
    }
    std::vector<ValueId> outputs;
    for (const std::string& name : names) {
      ValueId found = kNone;
      for (size_t i = 0; i < graph->outputs().size(); ++i) {
        if (graph->output_names()[i] == name) found = graph->outputs()[i];
      }
      for (ValueId v = 0; found == kNone && v < graph->num_values(); ++v) {
        const GraphValue& value = graph->value(v);
        if (value.name == name &&
            (value.producer != kNone || value.constant || graph->is_input(v))) {
          found = v;
        }
      }
      if (found == kNone) break;
      outputs.push_back(found);
    }
    if (outputs.size() != names.size()) continue;
    graph->set_outputs(outputs);
    remove_dead_nodes(*graph);
    auto made = std::make_unique<Plan>();
    FERRY_RETURN_IF_ERROR(plan(std::move(graph), *made));
    const std::lock_guard lock(plans_mutex_);
    // Another thread may have made it meanwhile.
    if (!plans_.contains(names) && plans_.size() >= kMaxPlans) {
      return limit_exceeded("more than {} different sets of outputs were asked of one session",
                            kMaxPlans);
    }
    return plans_.try_emplace(names, std::move(made)).first->second.get();
  }
  return invalid_argument("these outputs cannot be computed together");
}

Status Engine::run_for(std::span<const Value> inputs, const std::vector<std::string>& names,
                       std::vector<Value>& outputs, const RunOptions& options) {
  const auto start = StopToken::Clock::now();
  FERRY_ASSIGN_OR_RETURN(Plan * plan, plan_for(names));
  RunOptions left = options;
  if (left.timeout.count() > 0) {
    // Zero is no timeout; what has passed is negative.
    left.timeout -= StopToken::Clock::now() - start;
    if (left.timeout.count() == 0) left.timeout = std::chrono::nanoseconds(-1);
  }
  return run_plan(*plan, inputs, outputs, left, {});
}

SessionReport Engine::report() {
  SessionReport r;
  for (const PassReport& p : pass_reports_) r.passes.push_back({p.name, p.changes, p.milliseconds});
  const Program& program = *main_.program;
  for (const Step& s : program.steps) {
    const Node& n = program.node(s);
    SessionReport::Step step;
    if (n.origin) {
      for (const std::string& name : n.origin->nodes)
        step.node += (step.node.empty() ? "" : " + ") + name;
    }
    if (step.node.empty()) step.node = n.name;
    step.op = n.op.def().full_name();
    step.kernel = s.skip ? "view" : s.kernel->name();
    step.tactic = s.kernel->tactic();
    for (const std::string& why : s.refused)
      step.why_not += (step.why_not.empty() ? "" : "; ") + why;
    for (ValueId v : n.inputs) {
      step.inputs.push_back(v == kNone ? "-" : program.graph->value(v).type.to_string());
    }
    for (ValueId v : n.outputs) {
      step.outputs.push_back(v == kNone ? "-" : program.graph->value(v).type.to_string());
    }
    r.steps.push_back(std::move(step));
  }
  r.memory_formula = program.memory.formula();
  r.packed_bytes = program.packed_bytes;
  r.source_bytes = program.source_bytes;
  r.used_bytes = budget_->used();
  r.peak_bytes = budget_->peak();
  r.threads = main_.threads ? main_.threads->threads() : plan_options_.threads;
  r.threads_reason = main_.threads ? main_.threads->reason() : "as asked for";
  r.isa = isa_name(plan_options_.isa);
  r.load_milliseconds = load_milliseconds_;
  r.cache = cache_report_.state;
  r.cache_file = cache_report_.file;
  r.cache_reason = cache_report_.reason;
  r.cache_bytes = cache_report_.bytes;
  const std::lock_guard lock(main_.mutex);
  r.arena_bytes = main_.last_arena_bytes;
  r.scratch_bytes = main_.last_scratch_bytes;
  return r;
}

}  // namespace ferry
