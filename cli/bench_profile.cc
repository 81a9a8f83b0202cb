// SPDX-License-Identifier: Apache-2.0
#include "bench_profile.h"

#include <algorithm>
#include <map>
#include <span>

#include "npy.h"
#include "text.h"
#include "verb.h"

namespace ferry::cli {
namespace {

// The smallest of a few runs: a step's time without what disturbs.
constexpr int kTurns = 7;

std::vector<double> fastest_seconds(const Session& session, const std::vector<Value>& inputs) {
  std::vector<double> seconds;
  for (int i = 0; i < kTurns; ++i) {
    const std::vector<double> turn = session.profile(inputs).value();
    if (seconds.empty()) seconds = turn;
    for (size_t k = 0; k < turn.size(); ++k) seconds[k] = std::min(seconds[k], turn[k]);
  }
  return seconds;
}

std::vector<double> or_zeros(Result<std::vector<double>> values, size_t count) {
  return values.ok() ? *std::move(values) : std::vector<double>(count, 0);
}

std::string percent(double share) { return fmt::format("{:.1f} %", share * 100); }

std::string rate(const Json& step, const char* value, const char* share) {
  const double v = step[value].get<double>();
  if (v == 0) return "-";
  return fmt::format("{:.1f} ({:.0f} %)", v, step[share].get<double>() * 100);
}

}  // namespace

Json profile_steps(const Session& session, const std::vector<Value>& inputs,
                   const SymbolSizes& sizes, const MachineRoof& roof) {
  const std::vector<double> seconds = fastest_seconds(session, inputs);
  const SessionReport made = session.report();
  const std::vector<double> flops = or_zeros(session.flops_at(sizes), seconds.size());
  const std::vector<double> bytes = or_zeros(session.bytes_at(sizes), seconds.size());
  double total = 0;
  for (size_t k = 0; k < seconds.size(); ++k) total += made.steps[k].depth == 0 ? seconds[k] : 0;
  const auto per_second = [&](double amount, size_t k) {
    return seconds[k] > 0 ? amount / seconds[k] * 1e-9 : 0;
  };
  Json steps = Json::array();
  for (size_t k = 0; k < seconds.size(); ++k) {
    const SessionReport::Step& s = made.steps[k];
    const double gflops = per_second(flops[k], k), gbytes = per_second(bytes[k], k);
    steps.push_back({{"node", s.node},
                     {"op", s.op},
                     {"kernel", s.kernel},
                     {"tactic", s.tactic},
                     {"why_not", s.why_not},
                     {"depth", s.depth},
                     {"ms", seconds[k] * 1e3},
                     {"share", total > 0 ? seconds[k] / total : 0.0},
                     {"flops", flops[k]},
                     {"bytes", bytes[k]},
                     {"gflops", gflops},
                     {"gbytes", gbytes},
                     {"of_flops", gflops / roof.gflops},
                     {"of_bytes", gbytes / roof.memory.back().read_gbs},
                     {"inputs", s.inputs},
                     {"outputs", s.outputs}});
  }
  return steps;
}

void print_profile(const Json& steps) {
  std::vector<const Json*> order;
  for (const Json& s : steps) {
    if (s["kernel"] != "view") order.push_back(&s);
  }
  std::stable_sort(order.begin(), order.end(), [](const Json* a, const Json* b) {
    return (*a)["ms"].get<double>() > (*b)["ms"].get<double>();
  });
  Table table("rrrrrlll");
  table.add(
      {"time", "share", "GF/s (of FMA)", "GB/s (of DRAM)", "bytes", "node", "operator", "kernel"});
  std::map<std::string, size_t> refusals;
  for (const Json* step : order) {
    const Json& s = *step;
    const auto tactic = s["tactic"].get<std::string>();
    table.add({time_text(s["ms"].get<double>() / 1e3), percent(s["share"].get<double>()),
               rate(s, "gflops", "of_flops"), rate(s, "gbytes", "of_bytes"),
               bytes_text(s["bytes"].get<double>()),
               std::string(2 * s["depth"].get<size_t>(), ' ') + s["node"].get<std::string>(),
               s["op"].get<std::string>(),
               s["kernel"].get<std::string>() + (tactic.empty() ? "" : ", " + tactic)});
    if (const auto why = s["why_not"].get<std::string>(); !why.empty()) {
      ++refusals[s["op"].get<std::string>() + " by " + s["kernel"].get<std::string>() +
                 ", because " + why];
    }
  }
  table.print();
  for (const auto& [why, count] : refusals) say("{}: {}", plural(count, "step"), why);
}

namespace {

// One process of the trace.
void add_events(Json& events, int process, const std::string& name, const Json& steps) {
  events.push_back({{"name", "process_name"},
                    {"ph", "M"},
                    {"pid", process},
                    {"tid", 1},
                    {"args", {{"name", name}}}});
  std::vector<double> at(2, 0.0);  // where the next step of each depth starts, in microseconds
  for (const Json& s : steps) {
    const auto depth = s["depth"].get<size_t>();
    if (at.size() < depth + 2) at.resize(depth + 2);
    const double duration = s["ms"].get<double>() * 1e3;
    Json details = s;
    for (const char* key : {"node", "op", "depth", "ms"}) details.erase(key);
    events.push_back({{"name", s["op"].get<std::string>() + " " + s["node"].get<std::string>()},
                      {"cat", s["op"]},
                      {"ph", "X"},
                      {"pid", process},
                      {"tid", 1},
                      {"ts", at[depth]},
                      {"dur", duration},
                      {"args", std::move(details)}});
    at[depth + 1] = at[depth];
    at[depth] += duration;
  }
}

}  // namespace

void write_trace(const std::string& path, const Json& report) {
  Json events = Json::array();
  int process = 0;
  for (const Json& r : report["results"]) {
    add_events(events, ++process,
               fmt::format("{}, {}", report["model"].get<std::string>(),
                           plural(r["threads"].get<size_t>(), "thread")),
               r["steps"]);
  }
  const Json trace = {{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}};
  const std::string text = trace.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  write_file(path, std::as_bytes(std::span(text)));
}

Json roof_json(const MachineRoof& roof) {
  Json memory = Json::array();
  for (const MachineRoof::Memory& m : roof.memory) {
    memory.push_back({{"level", m.name},
                      {"bytes_per_thread", m.bytes},
                      {"read_gbs", m.read_gbs},
                      {"copy_gbs", m.copy_gbs}});
  }
  return {{"cpu", roof.cpu},
          {"isa", roof.isa},
          {"threads", roof.threads},
          {"gflops", roof.gflops},
          {"memory", std::move(memory)}};
}

void print_roofs(const Json& roofs) {
  if (roofs.empty()) return;
  say("{}, {}", roofs[0]["cpu"].get<std::string>(), roofs[0]["isa"].get<std::string>());
  Table table("rrlrrr");
  table.add({"threads", "fp32 GF/s", "memory", "buffer/thread", "read GB/s", "copy GB/s"});
  for (const Json& r : roofs) {
    bool first = true;
    for (const Json& m : r["memory"]) {
      table.add({first ? std::to_string(r["threads"].get<int>()) : "",
                 first ? fmt::format("{:.1f}", r["gflops"].get<double>()) : "",
                 m["level"].get<std::string>(), bytes_text(m["bytes_per_thread"].get<double>()),
                 fmt::format("{:.1f}", m["read_gbs"].get<double>()),
                 fmt::format("{:.1f}", m["copy_gbs"].get<double>())});
      first = false;
    }
  }
  table.print();
}

}  // namespace ferry::cli
