// SPDX-License-Identifier: Apache-2.0
#include "own_engine.h"

#include <chrono>
#include <fstream>
#include <iostream>

#include "cache_report.h"
#include "inputs.h"
#include "json.h"
#include "npz.h"
#include "verb.h"

namespace ferry::cli {
namespace {

double now() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

// A line of /proc/self/status in bytes; 0 where the system does not tell.
double status_bytes(const char* key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key))
      return std::strtod(line.c_str() + line.find(':') + 1, nullptr) * 1024;
  }
  return 0;
}

void answer(const Json& json) {
  std::cout << json.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
}

void write_outputs(const std::string& path, const std::vector<Value>& outputs) {
  NamedTensors arrays;
  for (const Value& v : outputs) {
    if (!v.is_tensor()) {
      fail(Code::kUnsupportedType, "output {} is no tensor; only tensors can be compared",
           arrays.size());
    }
    arrays.emplace_back(fmt::format("o{}", arrays.size()), v.tensor());
  }
  std::vector<std::string> notes;
  write_npz(path, arrays, notes);
}

void serve(const OwnJob& job) {
  const double before = status_bytes("VmRSS");
  const double start = now();
  const Model model = Model::load(job.model).value();
  const Session session = Session::create(model, job.session).value();
  const double loaded = now();
  const std::vector<Value> inputs = in_order(session, *job.inputs);
  std::vector<Value> outputs;
  check(session.run(inputs, outputs));
  const double ran = now();
  if (!job.outputs.empty()) write_outputs(job.outputs, outputs);
  // What is chosen by watching runs is chosen before any is timed here.
  const double settled = job.session.threads == 0 ? ran + job.session.tuning_ms * 1.5e-3 : ran;
  while (now() < settled) check(session.run(inputs, outputs));
  const SessionReport made = session.report();
  answer({{"status", "ready"},
          {"load_s", loaded - start},
          {"first_run_s", ran - loaded},
          {"threads", made.threads},
          {"threads_reason", made.threads_reason},
          {"isa", made.isa}});
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "memory") {
      const SessionReport report = session.report();
      answer({{"peak_bytes", status_bytes("VmHWM")},
              {"before_bytes", before},
              {"arena_bytes", report.arena_bytes},
              {"scratch_bytes", report.scratch_bytes},
              {"packed_bytes", report.packed_bytes},
              {"source_bytes", report.source_bytes},
              {"cache", cache_json(report)},
              {"session_peak_bytes", report.peak_bytes}});
      continue;
    }
    std::vector<double> seconds(std::stoul(line));
    for (double& s : seconds) {
      const double began = now();
      check(session.run(inputs, outputs));
      s = now() - began;
    }
    answer(seconds);
  }
}

}  // namespace

void serve_own(const OwnJob& job) {
  try {
    serve(job);
  } catch (const Error& error) {
    answer({{"status", "failed"},
            {"reason", error.status().message()},
            {"code", static_cast<int>(error.status().code())}});
  }
}

}  // namespace ferry::cli
