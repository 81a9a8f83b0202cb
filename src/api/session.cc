// SPDX-License-Identifier: Apache-2.0
#include "ferry/session.h"

#include <algorithm>
#include <new>

#include "api/model_impl.h"
#include "base/status.h"
#include "ops_cpu/kernels.h"
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

// Named inputs in model order; a none where a default stands.
Result<std::vector<Value>> in_order(const std::vector<ValueInfo>& infos, const NamedValues& given) {
  std::vector<Value> values(infos.size());
  size_t used = 0;
  for (size_t i = 0; i < infos.size(); ++i) {
    const auto it = given.find(infos[i].name);
    if (it != given.end()) {
      values[i] = it->second;
      ++used;
    } else if (!infos[i].optional) {
      return invalid_argument("input '{}' ({}) is missing; the model's inputs are {}",
                              infos[i].name, infos[i].type, names_of(infos));
    }
  }
  if (used == given.size()) return values;
  for (const auto& entry : given) {
    const std::string& name = entry.first;
    const bool known = std::any_of(infos.begin(), infos.end(),
                                   [&](const ValueInfo& v) { return v.name == name; });
    if (!known) {
      return invalid_argument("the model has no input '{}'; its inputs are {}", name,
                              names_of(infos));
    }
  }
  return values;
}

template <class F>
auto guarded(const F& f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return out_of_memory("the machine's memory is used up");
  }
}

}  // namespace

Result<Session> Session::create(const Model& model, const SessionOptions& options) {
  return guarded([&]() -> Result<Session> {
    auto engine = Engine::create(*model.impl()->graph, options, cpu_kernels());
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

SessionReport Session::report() const { return impl_->engine->report(); }

Result<std::vector<double>> Session::profile(std::span<const Value> inputs) const {
  return guarded([&]() -> Result<std::vector<double>> {
    const Program& program = impl_->engine->program();
    std::vector<double> seconds(program.steps.size(), 0);
    std::vector<Value> outputs;
    FERRY_RETURN_IF_ERROR(impl_->engine->run(
        inputs, outputs, {}, [&](const Program& p, const Step& step, double s) {
          if (&p == &program) seconds[static_cast<size_t>(&step - program.steps.data())] += s;
        }));
    return seconds;
  });
}

}  // namespace ferry
