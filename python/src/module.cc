// SPDX-License-Identifier: Apache-2.0
// ferry._native: models and sessions of libferry for the Python sources beside it
// (ferry/session.py).
#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <cmath>

#include "arrays.h"
#include "errors.h"
#include "ferry/inspect.h"
#include "ferry/optimize.h"
#include "ferry/session.h"
#include "ferry/version.h"
#include "pictures.h"
#include "text.h"
#include "time_left.h"
#include "types.h"

namespace nb = nanobind;

namespace ferry::python {
namespace {

// A model, and the bytes that it views.
struct PyModel {
  nb::object bytes;
  Model model;
};

struct PySession {
  nb::object bytes;
  Model model;
  Session session;
};

struct Cancel {
  std::atomic<bool> flag{false};
};

LoadOptions load_options(const std::map<std::string, uint64_t>& limits, uint64_t memory_limit,
                         bool strict) {
  LoadOptions options;
  options.memory_limit_bytes = memory_limit;
  options.strict = strict;
  for (const auto& [name, value] : limits) {
    const Status status = set_limit(options.limits, name, value);
    if (!status.ok()) raise(status.code(), status.message());
  }
  return options;
}

PyModel load_model(nb::bytes path, bool map, nb::bytes external_folder,
                   const std::map<std::string, uint64_t>& limits, uint64_t memory_limit,
                   bool strict) {
  LoadOptions options = load_options(limits, memory_limit, strict);
  options.map = map;
  options.external_folder = path_from(external_folder);
  const std::string file = path_from(path);
  nb::gil_scoped_release release;
  auto model = Model::load(file, options);
  nb::gil_scoped_acquire acquire;
  return {nb::none(), check(std::move(model))};
}

PyModel load_bytes(nb::bytes bytes, nb::bytes external_folder,
                   const std::map<std::string, uint64_t>& limits, uint64_t memory_limit,
                   bool strict) {
  const std::span data(static_cast<const std::byte*>(bytes.data()), bytes.size());
  LoadOptions options = load_options(limits, memory_limit, strict);
  options.external_folder = path_from(external_folder);
  nb::gil_scoped_release release;
  auto model = Model::from_memory(data, options);
  nb::gil_scoped_acquire acquire;
  return {bytes, check(std::move(model))};
}

OptimizeOptions optimize_options(const std::string& level, int64_t opset,
                                 const std::string& accuracy,
                                 const std::vector<std::string>& passes_off, bool external_data) {
  OptimizeOptions options;
  if (level == "none")
    options.level = OptimizeLevel::kNone;
  else if (level == "basic")
    options.level = OptimizeLevel::kBasic;
  else if (level != "all")
    raise(Code::kInvalidArgument, "level is '" + level + "'; wanted 'none', 'basic' or 'all'");
  if (accuracy != "fast" && accuracy != "exact") {
    raise(Code::kInvalidArgument, "accuracy is '" + accuracy + "'; wanted 'fast' or 'exact'");
  }
  options.accuracy = accuracy == "exact" ? Accuracy::kExact : Accuracy::kFast;
  options.opset = opset;
  options.passes_off = passes_off;
  options.external_data = external_data;
  return options;
}

nb::bytes optimize_bytes(const PyModel& m, const std::string& level, int64_t opset,
                         const std::string& accuracy, const std::vector<std::string>& passes_off) {
  const OptimizeOptions options = optimize_options(level, opset, accuracy, passes_off, false);
  auto made = [&] {
    const nb::gil_scoped_release release;
    return optimize_to_bytes(m.model, options);
  }();
  const std::string bytes = check(std::move(made));
  return nb::bytes(bytes.data(), bytes.size());
}

void optimize_file(const PyModel& m, nb::bytes path, const std::string& level, int64_t opset,
                   const std::string& accuracy, const std::vector<std::string>& passes_off,
                   bool external_data) {
  const OptimizeOptions options =
      optimize_options(level, opset, accuracy, passes_off, external_data);
  const std::string file = path_from(path);
  auto made = [&] {
    const nb::gil_scoped_release release;
    return optimize(m.model, file, options);
  }();
  check(std::move(made));
}

nb::list values_of(const PyModel& m) {
  nb::list list;
  for (const ValueInfo& info : list_values(m.model)) list.append(info);
  return list;
}

nb::list operators() {
  nb::list list;
  for (const OperatorInfo& o : list_operators()) {
    nb::dict d;
    d["name"] = o.name;
    d["since"] = o.since;
    d["versions"] = o.versions;
    d["types"] = o.types;
    d["attributes"] = o.attributes;
    d["kernels"] = o.kernels;
    d["rewritten"] = o.rewritten;
    list.append(d);
  }
  return list;
}

PySession make_session(const PyModel& source, int threads, const std::string& accuracy,
                       uint64_t memory_limit, bool optimize,
                       const std::vector<std::string>& passes_off, const std::string& isa,
                       bool reference_kernels, const std::string& prefer,
                       uint64_t max_fold_bytes_per_value, uint64_t max_fold_bytes, int tuning_ms,
                       nb::bytes cache, uint64_t cache_limit, bool verify_cache) {
  if (accuracy != "fast" && accuracy != "exact") {
    raise(Code::kInvalidArgument, "accuracy is '" + accuracy + "'; wanted 'fast' or 'exact'");
  }
  if (prefer != "speed" && prefer != "memory") {
    raise(Code::kInvalidArgument, "prefer is '" + prefer + "'; wanted 'speed' or 'memory'");
  }
  SessionOptions options;
  options.threads = threads;
  options.accuracy = accuracy == "exact" ? Accuracy::kExact : Accuracy::kFast;
  options.prefer = prefer == "memory" ? Prefer::kMemory : Prefer::kSpeed;
  options.memory_limit_bytes = memory_limit;
  options.optimize = optimize;
  options.passes_off = passes_off;
  options.reference_kernels = reference_kernels;
  options.isa = isa;
  options.max_fold_bytes_per_value = max_fold_bytes_per_value;
  options.max_fold_bytes = max_fold_bytes;
  options.tuning_ms = tuning_ms;
  options.cache = path_from(cache);
  options.cache_limit_bytes = cache_limit;
  options.verify_cache = verify_cache;
  auto made = [&] {
    const nb::gil_scoped_release release;
    return Session::create(source.model, options);
  }();
  return {source.bytes, source.model, check(std::move(made))};
}

std::string names_of(const std::vector<ValueInfo>& values) {
  std::string text;
  for (const ValueInfo& v : values) text += (text.empty() ? "'" : ", '") + v.name + "'";
  return text.empty() ? "none" : text;
}

Wanted wanted_input(const ValueInfo& info) { return {"input '" + info.name + "'", info.type}; }

[[noreturn]] void refuse_missing(const std::vector<ValueInfo>& infos, const ValueInfo& missing) {
  raise(Code::kInvalidArgument, "input '" + missing.name + "' (" + missing.type +
                                    ") is missing; the model's inputs are " + names_of(infos));
}

// Raises for a name that the model lacks.
void check_keys(const std::vector<ValueInfo>& infos, nb::dict given) {
  nb::list known;
  for (const ValueInfo& info : infos) known.append(nb::cast(info.name));
  for (nb::handle key : given.keys()) {
    std::string name;
    if (!nb::try_cast(key, name)) refuse("a key of inputs", key, "the name of an input");
    if (!nb::cast<bool>(known.attr("__contains__")(key))) {
      const auto near = nb::cast<std::string>(
          nb::module_::import_("ferry.arguments").attr("nearest")(key, known));
      raise(Code::kInvalidArgument, "the model has no input '" + name + "'; its inputs are " +
                                        names_of(infos) +
                                        (near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
  }
}

// Input values in model order; those with a default may be absent.
std::vector<Value> values_from_dict(const std::vector<ValueInfo>& infos, nb::dict given, Keep& keep,
                                    const TimeLeft& time) {
  std::vector<Value> values(infos.size());
  const ValueInfo* missing = nullptr;
  size_t used = 0;
  for (size_t i = 0; i < infos.size(); ++i) {
    // Held: what it is asked for may take it out of the dict.
    const nb::object item =
        nb::borrow(PyDict_GetItemWithError(given.ptr(), nb::cast(infos[i].name).ptr()));
    if (item.is_valid()) {
      values[i] = to_value(item, wanted_input(infos[i]), keep, time);
      ++used;
    } else if (missing == nullptr && !infos[i].optional &&
               !infos[i].type.starts_with("optional(")) {
      missing = &infos[i];
    }
  }
  if (used < given.size()) check_keys(infos, given);
  if (missing != nullptr) refuse_missing(infos, *missing);
  return values;
}

std::vector<Value> values_from_list(const std::vector<ValueInfo>& infos, nb::handle given,
                                    Keep& keep, const TimeLeft& time) {
  const size_t count = nb::len(given);
  if (count > infos.size()) {
    raise(Code::kInvalidArgument, std::to_string(count) + " inputs are given; the model has " +
                                      std::to_string(infos.size()) + ": " + names_of(infos));
  }
  std::vector<Value> values(infos.size());
  for (size_t i = 0; i < infos.size(); ++i) {
    if (i < count) {
      values[i] = to_value(given[i], wanted_input(infos[i]), keep, time);
    } else if (!infos[i].optional) {
      refuse_missing(infos, infos[i]);
    }
  }
  return values;
}

std::vector<Value> input_values(const PySession& s, nb::handle inputs, Keep& keep,
                                const TimeLeft& time) {
  const auto& infos = s.session.inputs();
  if (PyDict_Check(inputs.ptr()))
    return values_from_dict(infos, nb::borrow<nb::dict>(inputs), keep, time);
  if (PyList_Check(inputs.ptr()) || PyTuple_Check(inputs.ptr())) {
    return values_from_list(infos, inputs, keep, time);
  }
  raise(Code::kInvalidArgument, "inputs must be a dict by name, or a list in model order");
}

RunOptions run_options(nb::handle timeout, nb::handle cancel) {
  RunOptions options;
  if (!cancel.is_none()) {
    const Cancel* given = nullptr;
    if (!nb::try_cast(cancel, given)) refuse("cancel", cancel, "a ferry.Cancel");
    options.cancel = &given->flag;
  }
  if (timeout.is_none()) return options;
  double seconds = 0;
  if (!nb::try_cast(timeout, seconds)) refuse("timeout", timeout, "seconds, as a number");
  if (!(seconds > 0)) refuse("timeout", timeout, "more than 0 seconds");
  // A year stands for longer times.
  options.timeout = std::chrono::nanoseconds(std::llround(std::fmin(seconds, 3.2e7) * 1e9));
  if (options.timeout.count() == 0) options.timeout = std::chrono::nanoseconds(1);
  return options;
}

// Indices into the model's outputs when `names` asks for all of them; empty otherwise.
std::vector<size_t> order_of_all(const std::vector<ValueInfo>& infos,
                                 const std::vector<std::string>& names) {
  std::vector<size_t> order;
  std::vector<bool> seen(infos.size(), false);
  for (const std::string& name : names) {
    for (size_t i = 0; i < infos.size(); ++i) {
      if (infos[i].name == name) {
        order.push_back(i);
        seen[i] = true;
        break;
      }
    }
  }
  for (const bool s : seen) {
    if (!s) return {};
  }
  return order.size() == names.size() ? order : std::vector<size_t>{};
}

// Targets by output name, as the caller's `out` says.
std::map<std::string, Tensor> targets_from(const PySession& s, nb::handle out) {
  std::map<std::string, Tensor> targets;
  if (out.is_none()) return targets;
  for (auto [key, array] : nb::cast<nb::dict>(out)) {
    const std::string name = nb::cast<std::string>(key);
    Wanted wanted{"out['" + name + "']", ""};
    for (const ValueInfo& info : s.session.outputs()) {
      if (info.name == name) wanted.type = info.type;
    }
    targets[name] = to_target(array, wanted);
  }
  return targets;
}

nb::object finish(Value value, const std::string& name, nb::handle out,
                  std::map<std::string, Tensor>& targets, const TimeLeft& time) {
  const auto target = targets.find(name);
  if (target == targets.end()) return to_python(std::move(value), time);
  finish_target(value, target->second, "out['" + name + "']");
  return nb::borrow(out[nb::cast(name)]);
}

void check_targets(const std::map<std::string, Tensor>& targets,
                   const std::vector<std::string>& names) {
  for (const auto& entry : targets) {
    bool known = false;
    for (const std::string& name : names) known |= name == entry.first;
    if (!known)
      raise(Code::kInvalidArgument, "out names '" + entry.first + "', which is not computed");
  }
}

nb::dict run_all(const PySession& s, const std::vector<Value>& values,
                 const std::vector<std::string>& names, const std::vector<size_t>& order,
                 nb::handle out, const TimeLeft& time) {
  const auto& infos = s.session.outputs();
  auto targets = targets_from(s, out);
  check_targets(targets, names);
  std::vector<Value> outputs(infos.size());
  if (!targets.empty()) {
    for (size_t i = 0; i < infos.size(); ++i) {
      if (const auto it = targets.find(infos[i].name); it != targets.end()) outputs[i] = it->second;
    }
  }
  const Status status = [&] {
    const nb::gil_scoped_release release;
    return s.session.run(values, outputs, time.options());
  }();
  check(status);
  nb::dict results;
  for (size_t i = 0; i < names.size(); ++i) {
    const nb::object key = nb::cast(names[i]);
    if (results.contains(key)) continue;
    results[key] = finish(std::move(outputs[order[i]]), names[i], out, targets, time);
  }
  return results;
}

nb::dict run_some(const PySession& s, std::vector<Value> values,
                  const std::vector<std::string>& names, nb::handle out, const TimeLeft& time) {
  auto targets = targets_from(s, out);
  check_targets(targets, names);
  const auto& infos = s.session.inputs();
  NamedValues named;
  for (size_t i = 0; i < infos.size(); ++i) {
    if (!values[i].is_none() || !infos[i].optional) named[infos[i].name] = std::move(values[i]);
  }
  auto made = [&] {
    const nb::gil_scoped_release release;
    return s.session.run(named, names, time.options());
  }();
  NamedValues outputs = check(std::move(made));
  nb::dict results;
  for (const std::string& name : names) {
    const nb::object key = nb::cast(name);
    if (results.contains(key)) continue;
    results[key] = finish(std::move(outputs[name]), name, out, targets, time);
  }
  return results;
}

nb::dict run(const PySession& s, nb::handle inputs, nb::handle outputs, nb::handle out,
             nb::handle timeout, nb::handle cancel) {
  const TimeLeft time(run_options(timeout, cancel));
  Keep keep;
  std::vector<Value> values = input_values(s, inputs, keep, time);
  const auto& infos = s.session.outputs();
  std::vector<std::string> names;
  std::vector<size_t> order;
  if (outputs.is_none()) {
    for (size_t i = 0; i < infos.size(); ++i) {
      names.push_back(infos[i].name);
      order.push_back(i);
    }
    return run_all(s, values, names, order, out, time);
  }
  names = nb::cast<std::vector<std::string>>(outputs);
  order = order_of_all(infos, names);
  if (!order.empty()) return run_all(s, values, names, order, out, time);
  return run_some(s, std::move(values), names, out, time);
}

nb::list profile(const PySession& s, nb::handle inputs) {
  Keep keep;
  const std::vector<Value> values = input_values(s, inputs, keep, {});
  auto made = [&] {
    const nb::gil_scoped_release release;
    return s.session.profile(values);
  }();
  const std::vector<double> seconds = check(std::move(made));
  const SessionReport report = s.session.report();
  nb::list steps;
  for (size_t i = 0; i < seconds.size() && i < report.steps.size(); ++i) {
    steps.append(nb::make_tuple(report.steps[i], seconds[i]));
  }
  return steps;
}

template <class T>
nb::list infos(const T& owner, const std::vector<ValueInfo>& (Model::*get)() const) {
  nb::list list;
  for (const ValueInfo& info : (owner.model.*get)()) list.append(info);
  return list;
}

template <class T>
void bind_description(nb::class_<T>& c) {
  c.def_prop_ro(
      "inputs", [](const T& t) { return infos(t, &Model::inputs); },
      nb::sig("def inputs(self) -> list[ValueInfo]"));
  c.def_prop_ro(
      "outputs", [](const T& t) { return infos(t, &Model::outputs); },
      nb::sig("def outputs(self) -> list[ValueInfo]"));
  c.def_prop_ro("metadata", [](const T& t) { return t.model.metadata(); });
}

}  // namespace
}  // namespace ferry::python

NB_MODULE(_native, m) {
  using namespace ferry::python;
  using namespace nb::literals;
  start_numpy();
  m.doc() = "libferry's models and sessions; use them through the package ferry.";
  m.def("version", &ferry::version);
  m.def("set_dtypes", &set_dtypes, "dtypes"_a);
  bind_types(m);
  bind_pictures(m);

  nb::class_<Cancel>(m, "Cancel", "Stops the runs that it is given to, from another thread.")
      .def(nb::init<>())
      .def(
          "set",
          [](Cancel& c, nb::handle on) {
            if (!PyBool_Check(on.ptr())) refuse("on", on, "True or False");
            c.flag = on.ptr() == Py_True;
          },
          "on"_a.none() = true, nb::sig("def set(self, on: bool = True) -> None"))
      .def("is_set", [](const Cancel& c) { return c.flag.load(); })
      .def("__repr__", [](const Cancel& c) {
        return c.flag.load() ? "<ferry.Cancel, set>" : "<ferry.Cancel, not set>";
      });

  nb::class_<PyModel> model(m, "Model");
  model
      .def_static("load", &load_model, "path"_a, "map"_a, "external_folder"_a, "limits"_a,
                  "memory_limit"_a, "strict"_a)
      .def_static("from_bytes", &load_bytes, "data"_a, "external_folder"_a, "limits"_a,
                  "memory_limit"_a, "strict"_a);
  model
      .def("optimize_to_bytes", &optimize_bytes, "level"_a, "opset"_a, "accuracy"_a, "passes_off"_a)
      .def("optimize", &optimize_file, "path"_a, "level"_a, "opset"_a, "accuracy"_a, "passes_off"_a,
           "external_data"_a);
  model.def("values", &values_of, nb::sig("def values(self) -> list[ValueInfo]"));
  m.def("operators", &operators, nb::sig("def operators() -> list[dict[str, typing.Any]]"));
  bind_description(model);

  nb::class_<PySession> session(m, "Session");
  session
      .def_static("create", &make_session, "model"_a, "threads"_a, "accuracy"_a, "memory_limit"_a,
                  "optimize"_a, "passes_off"_a, "isa"_a, "reference_kernels"_a, "prefer"_a,
                  "max_fold_bytes_per_value"_a, "max_fold_bytes"_a, "tuning_ms"_a, "cache"_a,
                  "cache_limit"_a, "verify_cache"_a)
      .def("run", &run, "inputs"_a, "outputs"_a.none(), "out"_a.none(), "timeout"_a.none(),
           "cancel"_a.none())
      .def("report", [](const PySession& s) { return s.session.report(); })
      .def("profile", &profile, "inputs"_a);
  bind_description(session);
}
