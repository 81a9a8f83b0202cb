// SPDX-License-Identifier: Apache-2.0
#include "bench_rounds.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <system_error>

#include "engine_process.h"
#include "interruption.h"
#include "npz.h"
#include "own_engine.h"
#include "peers.h"
#include "progress.h"
#include "verb.h"

namespace ferry::cli {
namespace {

using Clock = std::chrono::steady_clock;

// A round is long enough to hide the switch between engines, and short against what disturbs.
constexpr double kRoundSeconds = 0.1;
constexpr size_t kMaxRunsPerRound = 1000;

double percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  const double at = p * static_cast<double>(values.size() - 1);
  const auto low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (values[high] - values[low]) * (at - static_cast<double>(low));
}

double median(const std::vector<double>& values) { return percentile(values, 0.5); }

Json latency_json(const std::vector<double>& seconds) {
  const double mean =
      std::accumulate(seconds.begin(), seconds.end(), 0.0) / static_cast<double>(seconds.size());
  return {{"runs", seconds.size()},
          {"min_ms", percentile(seconds, 0) * 1e3},
          {"p10_ms", percentile(seconds, 0.1) * 1e3},
          {"p50_ms", percentile(seconds, 0.5) * 1e3},
          {"p90_ms", percentile(seconds, 0.9) * 1e3},
          {"p99_ms", percentile(seconds, 0.99) * 1e3},
          {"mean_ms", mean * 1e3},
          {"runs_per_second", 1 / mean}};
}

// A folder that goes away with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::error_code error;
    const std::filesystem::path place = std::filesystem::temp_directory_path(error);
    path_ = (place / "ferry_bench_XXXXXX").string();
    if (!error && mkdtemp(path_.data()) == nullptr) {
      error = std::error_code(errno, std::generic_category());
    }
    if (!error) return;
    fail(Code::kIoError, "no temporary folder can be made: {}: {}; TMPDIR names another place",
         path_, error.message());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Engine {
  std::string name;
  std::unique_ptr<EngineProcess> process;
  Json ready;
  size_t runs_per_round = 1;
  std::vector<double> samples, round_medians;
  std::string failure;

  void turn() {
    const std::vector<double> seconds = process->run(runs_per_round);
    samples.insert(samples.end(), seconds.begin(), seconds.end());
    round_medians.push_back(median(seconds));
  }

  void choose_round() {
    const double one = std::max(median(process->run(3)), 1e-9);
    runs_per_round = static_cast<size_t>(
        std::clamp(std::ceil(kRoundSeconds / one), 1.0, static_cast<double>(kMaxRunsPerRound)));
  }
};

class Bench {
 public:
  Bench(const BenchJob& job, const NamedValues& inputs) : job_(job), inputs_(inputs) {
    if (!job.peers.empty()) folder_.emplace();
  }

  Json run() {
    start_own();
    for (const std::string& name : job_.peers) start_peer(name);
    require_some_peer();
    own_.choose_round();
    for (Engine& e : peers_) guard(e, [&] { e.choose_round(); });
    take_turns();
    return report();
  }

 private:
  // What goes wrong with a peer is its row in the table.
  template <class F>
  void guard(Engine& e, const F& f) {
    if (!e.failure.empty()) return;
    try {
      f();
    } catch (const Error& error) {
      e.failure = error.status().message();
      e.process.reset();
    }
  }

  void start_own() {
    own_.name = "ferry";
    OwnJob own{job_.model, job_.session, &inputs_, {}};
    if (!job_.peers.empty()) own.outputs = folder_->path() + "/reference.npz";
    own_.process = std::make_unique<EngineProcess>("ferry", [&] { serve_own(own); });
    own_.ready = own_.process->ready();
    if (own_.ready["status"] == "failed") {
      throw Error(Status(static_cast<Code>(own_.ready["code"].get<int>()),
                         own_.ready["reason"].get<std::string>()));
    }
  }

  void write_inputs() {
    NamedTensors arrays;
    for (const std::string& name : job_.input_order) {
      const auto it = inputs_.find(name);
      if (it == inputs_.end()) continue;
      const Value& value = it->second;
      if (!value.is_tensor())
        fail(Code::kUnsupportedType, "input '{}' is no tensor; peers take tensors only", name);
      arrays.emplace_back(fmt::format("i{}", arrays.size()), value.tensor());
      input_names_.push_back(name);
    }
    std::vector<std::string> notes;
    write_npz(folder_->path() + "/inputs.npz", arrays, notes);
  }

  void start_peer(const std::string& name) {
    Engine& e = peers_.emplace_back();
    e.name = name;
    guard(e, [&] {
      if (input_names_.empty()) write_inputs();
      const PeerJob job{.engine = name,
                        .model = job_.model,
                        .threads = own_.ready["threads"].get<int>(),
                        .data = folder_->path(),
                        .folder = folder_->path() + "/" + name,
                        .input_names = input_names_,
                        .torch = job_.torch,
                        .python = job_.python};
      std::filesystem::create_directory(job.folder);
      Progress progress("preparing " + name);
      e.process = std::make_unique<EngineProcess>(name, [&] {
        become_peer(job);
        fmt::print(
            "{{\"status\":\"failed\",\"reason\":\"'{}' cannot be started; name a Python that "
            "imports {} with --python\"}}\n",
            peer_interpreter(job.python), name);
      });
      e.ready = e.process->ready();
      if (e.ready["status"] == "failed") {
        fail(Code::kInvalidArgument, "{}", e.ready["reason"].get<std::string>());
      }
    });
  }

  // No peer at all is a mistake of the command or its environment; one of several is a row.
  void require_some_peer() const {
    std::string reasons;
    for (const Engine& e : peers_) {
      if (e.failure.empty()) return;
      reasons += (reasons.empty() ? "" : "; ") + e.name + ": " + e.failure;
    }
    if (!reasons.empty()) fail(Code::kInvalidArgument, "no peer could run: {}", reasons);
  }

  void take_turns() {
    Progress progress("measuring");
    size_t engines = 1;
    for (const Engine& e : peers_) engines += e.failure.empty() ? 1 : 0;
    const double seconds = job_.seconds * static_cast<double>(engines);
    const auto start = Clock::now();
    double passed = 0;
    do {
      own_.turn();
      for (Engine& e : peers_) guard(e, [&] { e.turn(); });
      passed = std::chrono::duration<double>(Clock::now() - start).count();
      progress.show(seconds > 0 ? passed / seconds : 1);
    } while (passed < seconds);
  }

  Json report() {
    Json j = {{"threads", own_.ready["threads"]},
              {"threads_reason", own_.ready["threads_reason"]},
              {"isa", own_.ready["isa"]},
              {"latency", latency_json(own_.samples)},
              {"load_ms", own_.ready["load_s"].get<double>() * 1e3},
              {"first_run_ms", own_.ready["first_run_s"].get<double>() * 1e3},
              {"memory", own_.process->memory()}};
    if (peers_.empty()) return j;
    j["peers"] = Json::array();
    for (Engine& e : peers_) {
      Json row;
      guard(e, [&] { row = peer_report(e); });
      if (!e.failure.empty()) row = {{"name", e.name}, {"failure", e.failure}};
      j["peers"].push_back(std::move(row));
    }
    return j;
  }

  Json peer_report(Engine& e) {
    std::vector<double> ratios;
    for (size_t i = 0; i < e.round_medians.size(); ++i) {
      ratios.push_back(e.round_medians[i] / own_.round_medians[i]);
    }
    const Json& r = e.ready;
    const Json &error = r["error"], &load = r["load_s"];
    return {{"name", e.name},
            {"version", r["version"]},
            {"precision", r["precision"]},
            {"error", error},
            {"wrong", r["wrong"]},
            {"right", error.is_number() && error.get<double>() <= kRightError},
            {"load_ms", load.is_number() ? Json(load.get<double>() * 1e3) : Json()},
            {"first_run_ms", r["first_run_s"].get<double>() * 1e3},
            {"latency", latency_json(e.samples)},
            {"rounds", ratios.size()},
            {"speedup", median(ratios)},
            {"speedup_p10", percentile(ratios, 0.1)},
            {"speedup_p90", percentile(ratios, 0.9)},
            {"memory", e.process->memory()}};
  }

  const BenchJob& job_;
  const NamedValues& inputs_;
  Interruption interruption_;              // outlives the folder
  std::optional<TemporaryFolder> folder_;  // for peers
  std::vector<std::string> input_names_;   // as inputs.npz has them
  Engine own_;
  std::vector<Engine> peers_;
};

}  // namespace

Json bench_rounds(const BenchJob& job, const NamedValues& inputs) {
  return Bench(job, inputs).run();
}

}  // namespace ferry::cli
