// SPDX-License-Identifier: Apache-2.0
// ferry bench: latency, throughput, memory, cold start, time per step, and a peer in the same run.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>
#include <numeric>
#include <optional>

#include "inputs.h"
#include "json.h"
#include "options.h"
#include "peer.h"
#include "progress.h"
#include "text.h"
#include "verb.h"

namespace ferry::cli {
namespace {

constexpr const char* kFooter = R"(
examples:
  ferry bench net.onnx                       random inputs, says which
  ferry bench net.onnx --dim N=8 --threads 1,2
  ferry bench net.onnx --profile             where the time goes, step by step
  ferry bench net.onnx --vs onnxruntime      both engines in turns, in the same run
  ferry bench net.onnx --image in.png --json

Times are of whole runs after a warm-up; p50 is the median. With --vs the engines take turns in short
rounds, the other one stopped meanwhile, so that a busy moment hits both; the ratio is the median of
the rounds' ratios, and below 1 Ferry is the faster. The peer needs a Python that imports
onnxruntime: --python, $FERRY_PYTHON, $VIRTUAL_ENV or python3.
exit codes: 0 ok, 1 the model, an input or the peer is wrong, 2 the command line is wrong.)";

using Clock = std::chrono::steady_clock;

// A round is long enough to hide the switch between engines, and short against what disturbs.
constexpr double kRoundSeconds = 0.1;
constexpr size_t kMaxRunsPerRound = 1000;

struct Options {
  std::string model, peer, python;
  std::vector<int> threads = {0};
  double seconds = 3;
  bool profile = false, json = false;
  InputOptions inputs;
  EngineOptions engine;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double percentile(const std::vector<double>& sorted, double p) {
  const double at = p * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - static_cast<double>(low));
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return percentile(values, 0.5);
}

Json latency_json(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const double mean =
      std::accumulate(seconds.begin(), seconds.end(), 0.0) / static_cast<double>(seconds.size());
  return {{"runs", seconds.size()},
          {"min_ms", seconds.front() * 1e3},
          {"p50_ms", percentile(seconds, 0.5) * 1e3},
          {"p90_ms", percentile(seconds, 0.9) * 1e3},
          {"p99_ms", percentile(seconds, 0.99) * 1e3},
          {"mean_ms", mean * 1e3},
          {"runs_per_second", 1 / mean}};
}

// Bytes, of this process; 0 where the system does not tell.
double peak_resident_bytes() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) * 1024;
  }
  return 0;
}

// One engine with its warmed outputs.
struct Runner {
  const Session& session;
  std::vector<Value> inputs, outputs;

  double run_once() {
    const auto start = Clock::now();
    check(session.run(inputs, outputs));
    return seconds_since(start);
  }
  std::vector<double> run(size_t count) {
    std::vector<double> seconds;
    while (seconds.size() < count) seconds.push_back(run_once());
    return seconds;
  }
};

std::vector<Value> in_order(const Session& session, const NamedValues& named) {
  std::vector<Value> values;
  for (const ValueInfo& v : session.inputs()) {
    const auto it = named.find(v.name);
    values.push_back(it == named.end() ? Value() : it->second);
  }
  return values;
}

struct Samples {
  std::vector<double> own, peer, ratios;
};

Samples measure(Runner& runner, Peer* peer, double seconds) {
  Samples s;
  Progress progress("measuring");
  const double one = median(runner.run(3));
  const auto per_round = static_cast<size_t>(
      std::clamp(std::ceil(kRoundSeconds / one), 1.0, static_cast<double>(kMaxRunsPerRound)));
  const auto start = Clock::now();
  do {
    const std::vector<double> own = runner.run(per_round);
    s.own.insert(s.own.end(), own.begin(), own.end());
    if (peer != nullptr) {
      const std::vector<double> other = peer->run(per_round);
      s.peer.insert(s.peer.end(), other.begin(), other.end());
      s.ratios.push_back(median(own) / median(other));
    }
    progress.show(seconds_since(start) / seconds);
  } while (seconds_since(start) < seconds);
  return s;
}

Json profile_json(const Session& session, const std::vector<Value>& inputs) {
  // The smallest of a few runs: a step's time without what disturbs.
  constexpr int kTurns = 5;
  std::vector<double> seconds;
  for (int i = 0; i < kTurns; ++i) {
    const std::vector<double> turn = session.profile(inputs).value();
    if (seconds.empty()) seconds = turn;
    for (size_t k = 0; k < turn.size(); ++k) seconds[k] = std::min(seconds[k], turn[k]);
  }
  const SessionReport made = session.report();
  double total = 0;
  for (size_t k = 0; k < seconds.size(); ++k) total += made.steps[k].depth == 0 ? seconds[k] : 0;
  Json steps = Json::array();
  for (size_t k = 0; k < seconds.size(); ++k) {
    const SessionReport::Step& s = made.steps[k];
    steps.push_back({{"node", s.node},
                     {"op", s.op},
                     {"kernel", s.kernel},
                     {"tactic", s.tactic},
                     {"depth", s.depth},
                     {"ms", seconds[k] * 1e3},
                     {"share", total > 0 ? seconds[k] / total : 0.0}});
  }
  return steps;
}

Json bench_threads(const Options& o, const Model& model, const Inputs& inputs, int threads,
                   double read_seconds) {
  SessionOptions session_options = o.engine.get();
  session_options.threads = threads;
  const auto start = Clock::now();
  const Session session = Session::create(model, session_options).value();
  const double made_seconds = seconds_since(start);
  check(session.run(inputs.values).status());
  const double first_seconds = seconds_since(start) - made_seconds;
  Runner runner{session, in_order(session, inputs.values), {}};
  runner.run_once();

  const int used = session.report().threads;
  std::optional<Peer> peer;
  if (!o.peer.empty()) peer.emplace(o.python, o.model, inputs.values, used);
  const Samples samples = measure(runner, peer ? &*peer : nullptr, o.seconds);

  const SessionReport made = session.report();
  Json j = {{"threads", used}, {"isa", made.isa}, {"latency", latency_json(samples.own)}};
  j["load_ms"] = (read_seconds + made_seconds) * 1e3;
  j["first_run_ms"] = first_seconds * 1e3;
  j["memory"] = {{"arena_bytes", made.arena_bytes},
                 {"packed_bytes", made.packed_bytes},
                 {"session_peak_bytes", made.peak_bytes},
                 {"process_peak_bytes", peak_resident_bytes()}};
  if (peer) {
    std::vector<double> ratios = samples.ratios;
    std::sort(ratios.begin(), ratios.end());
    j["peer"] = {{"name", "onnxruntime"},
                 {"version", peer->version()},
                 {"load_ms", peer->load_seconds() * 1e3},
                 {"latency", latency_json(samples.peer)},
                 {"rounds", ratios.size()},
                 {"ratio", percentile(ratios, 0.5)},
                 {"ratio_p10", percentile(ratios, 0.1)},
                 {"ratio_p90", percentile(ratios, 0.9)}};
  }
  if (o.profile) j["steps"] = profile_json(session, runner.inputs);
  return j;
}

std::string ms(const Json& v) { return time_text(v.get<double>() / 1e3); }

void print_steps(Json steps) {
  std::stable_sort(steps.begin(), steps.end(), [](const Json& a, const Json& b) {
    return a["ms"].get<double>() > b["ms"].get<double>();
  });
  Table table("rrlll");
  table.add({"time", "share", "node", "operator", "kernel"});
  for (const auto& s : steps) {
    if (s["kernel"] == "view") continue;
    const auto tactic = s["tactic"].get<std::string>();
    table.add({ms(s["ms"]), fmt::format("{:.1f} %", s["share"].get<double>() * 100),
               std::string(2 * s["depth"].get<size_t>(), ' ') + s["node"].get<std::string>(),
               s["op"].get<std::string>(),
               s["kernel"].get<std::string>() + (tactic.empty() ? "" : ", " + tactic)});
  }
  table.print();
}

void print_text(const Json& report) {
  for (const auto& note : report["inputs"]) fmt::print("{}\n", note.get<std::string>());
  Table table("lrrrrrrr");
  table.add({"engine", "threads", "p50", "p90", "p99", "min", "runs/s", "load"});
  for (const auto& r : report["results"]) {
    const auto row = [&](const std::string& name, const Json& l, const Json& load) {
      table.add({name, std::to_string(r["threads"].get<int>()), ms(l["p50_ms"]), ms(l["p90_ms"]),
                 ms(l["p99_ms"]), ms(l["min_ms"]),
                 fmt::format("{:.4g}", l["runs_per_second"].get<double>()), ms(load)});
    };
    row("ferry", r["latency"], r["load_ms"]);
    if (r.contains("peer")) {
      row("onnxruntime " + r["peer"]["version"].get<std::string>(), r["peer"]["latency"],
          r["peer"]["load_ms"]);
    }
  }
  table.print();
  for (const auto& r : report["results"]) {
    const Json& m = r["memory"];
    fmt::print("{}: first run {}; arena {}, packed weights {}, session peak {}, process peak {}\n",
               plural(r["threads"].get<size_t>(), "thread"), ms(r["first_run_ms"]),
               bytes_text(m["arena_bytes"].get<double>()),
               bytes_text(m["packed_bytes"].get<double>()),
               bytes_text(m["session_peak_bytes"].get<double>()),
               bytes_text(m["process_peak_bytes"].get<double>()));
    if (r.contains("peer")) {
      const Json& p = r["peer"];
      fmt::print(
          "  ferry takes {:.2f} x the time of onnxruntime (10 % to 90 % of {} rounds: {:.2f} to "
          "{:.2f})\n",
          p["ratio"].get<double>(), p["rounds"].get<size_t>(), p["ratio_p10"].get<double>(),
          p["ratio_p90"].get<double>());
    }
    if (r.contains("steps")) print_steps(r["steps"]);
  }
}

int bench(const Options& o) {
  const auto start = Clock::now();
  const Model model = Model::load(o.model, o.engine.get_load()).value();
  const double read_seconds = seconds_since(start);
  const Inputs inputs = load_inputs(model, o.inputs);
  Json report = {{"model", o.model}, {"inputs", inputs.notes}, {"results", Json::array()}};
  for (int threads : o.threads) {
    report["results"].push_back(bench_threads(o, model, inputs, threads, read_seconds));
  }
  if (o.json)
    print_json(report);
  else
    print_text(report);
  return kExitOk;
}

}  // namespace

void add_bench(CLI::App& app, int& code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("bench", "latency, throughput, memory; against onnxruntime too");
  verb->footer(kFooter);
  verb->add_option("MODEL", options->model, "the .onnx file")->required();
  verb->add_option("--threads", options->threads, "threads of a run, several to compare: 1,2")
      ->delimiter(',')
      ->check(CLI::Range(0, 4096));
  verb->add_option("--seconds", options->seconds, "how long to measure each; default 3")
      ->check(CLI::Range(0.0, 3600.0));
  verb->add_flag("--profile", options->profile, "time per step");
  verb->add_option("--vs", options->peer, "an engine to compare with: onnxruntime")
      ->check(CLI::IsMember({"onnxruntime"}));
  verb->add_option("--python", options->python, "the interpreter that imports it");
  verb->add_flag("--json", options->json, "print the report as JSON");
  options->inputs.add_to(*verb);
  options->engine.add_to(*verb, false);
  verb->callback([options, &code] { code = bench(*options); });
}

}  // namespace ferry::cli
