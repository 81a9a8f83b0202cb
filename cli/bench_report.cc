// SPDX-License-Identifier: Apache-2.0
#include "bench_report.h"

#include <algorithm>
#include <span>
#include <vector>

#include "bench_profile.h"
#include "cache_report.h"
#include "npy.h"
#include "text.h"
#include "verb.h"

namespace ferry::cli {
namespace {

using Row = std::vector<std::string>;

std::string ms(const Json& v) { return v.is_number() ? time_text(v.get<double>() / 1e3) : "-"; }

std::string label_of(const Json& peer) {
  const bool reduced = peer["precision"] != "f32";
  return peer["name"].get<std::string>() + " " + peer["version"].get<std::string>() +
         (reduced ? " (" + peer["precision"].get<std::string>() + ")" : "");
}

const Row kHead = {"engine", "threads", "p50",       "p10-p90",     "ferry is",
                   "error",  "load",    "first run", "peak memory", "of roof"};

// The process's peak beyond what it held before the engine was there.
std::string memory_of(const Json& m) {
  const double peak = m["peak_bytes"].get<double>(), before = m["before_bytes"].get<double>();
  return bytes_text(std::max(0.0, peak - before));
}

std::string spread(const Json& latency) {
  return time_text(latency["p10_ms"].get<double>() / 1e3) + " - " +
         time_text(latency["p90_ms"].get<double>() / 1e3);
}

std::string of_roof(const Json& j) {
  return j.contains("of_roof") ? fmt::format("{:.0f} %", j["of_roof"].get<double>() * 100) : "-";
}

std::string speedup_of(const Json& peer) {
  if (!peer["right"].get<bool>() && peer["precision"] == "f32") return "(wrong outputs)";
  return fmt::format("{:.2f} x as fast", peer["speedup"].get<double>());
}

Row own_row(const Json& r) {
  return {"ferry",
          std::to_string(r["threads"].get<int>()),
          ms(r["latency"]["p50_ms"]),
          spread(r["latency"]),
          "",
          "",
          ms(r["load_ms"]),
          ms(r["first_run_ms"]),
          memory_of(r["memory"]),
          of_roof(r)};
}

Row peer_row(const Json& r, const Json& p) {
  const std::string threads = std::to_string(r["threads"].get<int>());
  const std::string error = p["error"].is_number() ? fmt::format("{:.1e}", p["error"].get<double>())
                                                   : p["wrong"].get<std::string>();
  return {label_of(p),
          threads,
          ms(p["latency"]["p50_ms"]),
          spread(p["latency"]),
          speedup_of(p),
          error,
          ms(p["load_ms"]),
          ms(p["first_run_ms"]),
          memory_of(p["memory"]),
          of_roof(p)};
}

// Rows of the table; `failures` receives what could not run, and why.
std::vector<Row> rows_of(const Json& report, std::vector<std::string>& failures) {
  std::vector<Row> rows = {kHead};
  for (const Json& r : report["results"]) {
    rows.push_back(own_row(r));
    for (const Json& p : r.value("peers", Json::array())) {
      if (!p.contains("failure")) {
        rows.push_back(peer_row(r, p));
        continue;
      }
      failures.push_back(fmt::format("{}, {}: {}", p["name"].get<std::string>(),
                                     plural(r["threads"].get<size_t>(), "thread"),
                                     p["failure"].get<std::string>()));
    }
  }
  return rows;
}

std::string best_text(const Json& r) {
  if (!r.contains("best_peer")) return {};
  const Json& b = r["best_peer"];
  return fmt::format(
      "{}: ferry is {:.2f} x as fast as the best peer that is right in f32, {} ({:.2f} to {:.2f} "
      "in 10 % to 90 % of {} rounds)",
      plural(r["threads"].get<size_t>(), "thread"), b["speedup"].get<double>(),
      b["name"].get<std::string>(), b["speedup_p10"].get<double>(), b["speedup_p90"].get<double>(),
      b["rounds"].get<size_t>());
}

std::string machine_text(const Json& r) {
  if (!r.contains("roof")) return {};
  const Json& roof = r["roof"];
  return fmt::format("{}: roof {:.0f} GF/s fp32, {:.1f} GB/s from DRAM ({}, {})",
                     plural(r["threads"].get<size_t>(), "thread"), roof["gflops"].get<double>(),
                     roof["memory"].back()["read_gbs"].get<double>(),
                     roof["cpu"].get<std::string>(), roof["isa"].get<std::string>());
}

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

// One bar: name, median and spread in milliseconds.
struct Bar {
  std::string name;
  double p10 = 0, p50 = 0, p90 = 0;
  bool own = false;
};

std::vector<Bar> bars_of(const Json& report) {
  std::vector<Bar> bars;
  const auto add = [&](const std::string& name, const Json& threads, const Json& l, bool own) {
    bars.push_back({fmt::format("{}, {} thr", name, threads.get<int>()), l["p10_ms"].get<double>(),
                    l["p50_ms"].get<double>(), l["p90_ms"].get<double>(), own});
  };
  for (const Json& r : report["results"]) {
    add("ferry", r["threads"], r["latency"], true);
    for (const Json& p : r.value("peers", Json::array())) {
      if (!p.contains("failure")) add(label_of(p), r["threads"], p["latency"], false);
    }
  }
  return bars;
}

}  // namespace

void print_report(const Json& report) {
  for (const auto& note : report["inputs"]) say("{}", note.get<std::string>());
  std::vector<std::string> failures;
  Table table("lrrrrrrrrr");
  for (Row& row : rows_of(report, failures)) table.add(std::move(row));
  table.print();
  for (const auto& f : failures) say("not measured: {}", f);
  for (const auto& r : report["results"]) {
    const Json& m = r["memory"];
    say("{}: p99 {}, min {}, {:.4g} runs/s; arena {}, packed weights {}, session peak {}",
        plural(r["threads"].get<size_t>(), "thread"), ms(r["latency"]["p99_ms"]),
        ms(r["latency"]["min_ms"]), r["latency"]["runs_per_second"].get<double>(),
        bytes_text(m["arena_bytes"].get<double>()), bytes_text(m["packed_bytes"].get<double>()),
        bytes_text(m["session_peak_bytes"].get<double>()));
    const std::string why = r["threads_reason"].get<std::string>();
    if (why != "as asked for") say("threads chosen, {}", why);
    print_cache(m["cache"]);
    for (const std::string& line : {best_text(r), machine_text(r)}) {
      if (!line.empty()) say("{}", line);
    }
    if (r.contains("steps")) print_profile(r["steps"]);
  }
}

void write_markdown(const std::string& path, const Json& report) {
  std::vector<std::string> failures;
  std::string text = fmt::format("## {}\n\n", report["model"].get<std::string>());
  bool head = true;
  for (const Row& row : rows_of(report, failures)) {
    for (const std::string& cell : row) text += "| " + cell + " ";
    text += "|\n";
    for (size_t i = 0; head && i < row.size(); ++i) text += "|---";
    if (head) text += "|\n";
    head = false;
  }
  text += "\n";
  for (const std::string& f : failures) text += "- not measured: " + f + "\n";
  for (const auto& r : report["results"]) {
    const std::string why = r["threads_reason"].get<std::string>();
    if (why != "as asked for") text += "- threads chosen, " + why + "\n";
    for (const std::string& line : {best_text(r), machine_text(r)}) {
      if (!line.empty()) text += "- " + line + "\n";
    }
  }
  write_file(path, std::as_bytes(std::span(text)));
}

void write_svg(const std::string& path, const Json& report) {
  constexpr double kLabel = 260, kWidth = 520, kRow = 24, kTop = 40;
  const std::vector<Bar> bars = bars_of(report);
  double longest = 1e-9;
  for (const Bar& b : bars) longest = std::max(longest, b.p90);
  const double height = kTop + kRow * static_cast<double>(bars.size()) + 10;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" font-family=\"sans-"
      "serif\" font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n<text "
      "x=\"10\" "
      "y=\"20\">{2}: milliseconds, median and 10 % to 90 %; shorter is better</text>\n",
      kLabel + kWidth + 90, height, escaped(report["model"].get<std::string>()));
  double y = kTop;
  for (const Bar& b : bars) {
    const auto at = [&](double v) { return kLabel + kWidth * v / longest; };
    svg += fmt::format(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n<rect x=\"{}\" y=\"{}\" "
        "width=\"{:.1f}\" height=\"{}\" fill=\"{}\"/>\n<path d=\"M{:.1f} {}H{:.1f}\" "
        "stroke=\"black\"/>\n<text x=\"{:.1f}\" y=\"{}\">{:.3g}</text>\n",
        kLabel - 8, y + 14, escaped(b.name), kLabel, y, at(b.p50) - kLabel, kRow - 6,
        b.own ? "#c2571a" : "#8aa4b8", at(b.p10), y + 9, at(b.p90), at(b.p90) + 6, y + 14, b.p50);
    y += kRow;
  }
  svg += "</svg>\n";
  write_file(path, std::as_bytes(std::span(svg)));
}

}  // namespace ferry::cli
