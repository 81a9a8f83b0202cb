// SPDX-License-Identifier: Apache-2.0
#include "ferry/session.h"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <unordered_map>

#include "api/model_impl.h"
#include "api/symbols.h"
#include "base/nearest.h"
#include "base/status.h"
#include "ops_cpu/kernels.h"
#include "plan/flops.h"
#include "runtime/engine.h"

namespace ferry {

struct Session::Impl {
  Model model;
  std::unique_ptr<Engine> engine;
};

namespace {

std::string names_of(const std::vector<ValueInfo>& values) {
  std::string text;
  for (const ValueInfo& v : values) text += (text.empty() ? "'" : ", '") + v.name + "'";
  return text.empty() ? "none" : text;
}

// A name that the model lacks, which is why another is missing.
Status check_names(const std::vector<ValueInfo>& infos, const NamedValues& given) {
  std::vector<std::string> others;
  for (const ValueInfo& v : infos) {
    if (!given.contains(v.name)) others.push_back(v.name);
  }
  for (const auto& entry : given) {
    const std::string& name = entry.first;
    const bool known =
        std::any_of(infos.begin(), infos.end(), [&](const ValueInfo& v) { return v.name == name; });
    if (!known) {
      return invalid_argument("the model has no input '{}'; its inputs are {}{}", name,
                              names_of(infos), did_you_mean(name, others));
    }
  }
  return {};
}

// Named inputs in model order; a none where a default stands.
Result<std::vector<Value>> in_order(const std::vector<ValueInfo>& infos, const NamedValues& given) {
  std::vector<Value> values(infos.size());
  const ValueInfo* missing = nullptr;
  size_t used = 0;
  for (size_t i = 0; i < infos.size(); ++i) {
    const auto it = given.find(infos[i].name);
    if (it != given.end()) {
      values[i] = it->second;
      ++used;
    } else if (!infos[i].optional && missing == nullptr) {
      missing = &infos[i];
    }
  }
  if (used < given.size()) FERRY_RETURN_IF_ERROR(check_names(infos, given));
  if (missing == nullptr) return values;
  return invalid_argument("input '{}' ({}) is missing; the model's inputs are {}", missing->name,
                          missing->type, names_of(infos));
}

// Steps in order, those of bodies behind their step.
template <class Visit>
void for_each_step(const Program& program, size_t depth, const Visit& visit) {
  for (const Step& step : program.steps) {
    visit(program, step, depth);
    for (const auto& body : step.bodies) {
      if (body) for_each_step(*body, depth + 1, visit);
    }
  }
}

SessionReport::Step describe_step(const Program& program, const Step& s) {
  const Node& node = program.node(s);
  SessionReport::Step step;
  step.node = node.name;
  step.op = node.op.def().full_name();
  step.kernel = s.skip ? "view" : s.kernel->name();
  step.tactic = s.kernel->tactic();
  for (const std::string& why : s.refused) step.why_not += (step.why_not.empty() ? "" : "; ") + why;
  const auto type = [&](ValueId v) {
    return v == kNone ? std::string("-") : program.graph->value(v).type.to_string();
  };
  for (ValueId v : node.inputs) step.inputs.push_back(type(v));
  for (ValueId v : node.outputs) step.outputs.push_back(type(v));
  return step;
}

template <class F>
auto guarded(const F& f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return out_of_memory("the machine's memory is used up");
  } catch (const std::length_error&) {
    return out_of_memory("a list longer than memory was wanted");
  }
}

}  // namespace

Result<Session> Session::create(const Model& model, const SessionOptions& options) {
  return guarded([&]() -> Result<Session> {
    SessionOptions chosen = options;
    if (chosen.max_fold_bytes == 0) {
      chosen.max_fold_bytes = std::max(uint64_t{64} << 20, 2 * model.impl()->file_bytes);
    }
    auto engine = Engine::create(*model.impl()->graph, chosen, cpu_kernels());
    if (!engine.ok()) return std::move(engine).status();
    return Session(std::make_shared<Impl>(Impl{model, *std::move(engine)}));
  });
}

const std::vector<ValueInfo>& Session::inputs() const { return impl_->model.inputs(); }
const std::vector<ValueInfo>& Session::outputs() const { return impl_->model.outputs(); }

Status Session::run(std::span<const Value> inputs, std::vector<Value>& outputs,
                    const RunOptions& options) const {
  return guarded([&]() -> Status { return impl_->engine->run(inputs, outputs, options); });
}

Result<NamedValues> Session::run(const NamedValues& inputs, const RunOptions& options) const {
  return guarded([&]() -> Result<NamedValues> {
    FERRY_ASSIGN_OR_RETURN(const std::vector<Value> ordered, in_order(this->inputs(), inputs));
    std::vector<Value> results;
    FERRY_RETURN_IF_ERROR(impl_->engine->run(ordered, results, options));
    NamedValues named;
    for (size_t i = 0; i < results.size(); ++i) named[outputs()[i].name] = std::move(results[i]);
    return named;
  });
}

Result<NamedValues> Session::run(const NamedValues& inputs, const std::vector<std::string>& outputs,
                                 const RunOptions& options) const {
  return guarded([&]() -> Result<NamedValues> {
    FERRY_ASSIGN_OR_RETURN(const std::vector<Value> ordered, in_order(this->inputs(), inputs));
    std::vector<Value> results;
    FERRY_RETURN_IF_ERROR(impl_->engine->run_for(ordered, outputs, results, options));
    NamedValues named;
    for (size_t i = 0; i < results.size(); ++i) named[outputs[i]] = std::move(results[i]);
    return named;
  });
}

SessionReport Session::report() const {
  SessionReport report = impl_->engine->report();
  // The engine tells of the main program; bodies follow their step.
  std::vector<SessionReport::Step> steps;
  size_t next = 0;
  for_each_step(impl_->engine->program(), 0, [&](const Program& p, const Step& s, size_t depth) {
    steps.push_back(depth == 0 ? std::move(report.steps[next++]) : describe_step(p, s));
    steps.back().depth = depth;
    const auto flops = node_flops(*p.graph, p.node(s), [](std::string_view) { return nullptr; });
    steps.back().flops = flops.value_or(0);
  });
  report.steps = std::move(steps);
  return report;
}

Result<uint64_t> Session::arena_bytes_at(const SymbolSizes& symbols) const {
  return guarded([&]() -> Result<uint64_t> {
    const Program& program = impl_->engine->program();
    FERRY_RETURN_IF_ERROR(check_symbols(impl_->model, symbols));
    std::vector<int64_t> bound, sizes;
    for (const std::string& name : program.dims.symbols()) bound.push_back(symbols.at(name));
    FERRY_RETURN_IF_ERROR(program.dims.evaluate(bound, sizes));
    std::vector<uint64_t> offsets;
    uint64_t total = 0;
    FERRY_RETURN_IF_ERROR(program.memory.place(sizes, offsets, total));
    return total;
  });
}

Result<std::vector<double>> Session::flops_at(const SymbolSizes& symbols) const {
  return guarded([&]() -> Result<std::vector<double>> {
    FERRY_RETURN_IF_ERROR(check_symbols(impl_->model, symbols));
    std::vector<double> flops;
    for_each_step(impl_->engine->program(), 0, [&](const Program& p, const Step& s, size_t) {
      flops.push_back(node_flops(*p.graph, p.node(s), lookup_of(symbols)).value_or(0));
    });
    return flops;
  });
}

Result<std::vector<double>> Session::bytes_at(const SymbolSizes& symbols) const {
  return guarded([&]() -> Result<std::vector<double>> {
    FERRY_RETURN_IF_ERROR(check_symbols(impl_->model, symbols));
    std::vector<double> bytes;
    for_each_step(impl_->engine->program(), 0, [&](const Program& p, const Step& s, size_t) {
      bytes.push_back(step_bytes(p, s, lookup_of(symbols)));
    });
    return bytes;
  });
}

Result<std::vector<double>> Session::profile(std::span<const Value> inputs) const {
  return guarded([&]() -> Result<std::vector<double>> {
    std::unordered_map<const Step*, size_t> index;
    for_each_step(impl_->engine->program(), 0,
                  [&](const Program&, const Step& s, size_t) { index.emplace(&s, index.size()); });
    std::vector<double> seconds(index.size(), 0);
    std::vector<Value> outputs;
    FERRY_RETURN_IF_ERROR(
        impl_->engine->run(inputs, outputs, {}, [&](const Program&, const Step& step, double s) {
          if (const auto it = index.find(&step); it != index.end()) seconds[it->second] += s;
        }));
    return seconds;
  });
}

}  // namespace ferry
