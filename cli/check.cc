// SPDX-License-Identifier: Apache-2.0
// ferry check: the doctor. Loads a model, makes a session, says how every node runs.
#include <CLI/CLI.hpp>
#include <map>
#include <memory>

#include "cache_report.h"
#include "ferry/ferry.h"
#include "json.h"
#include "options.h"
#include "text.h"
#include "verb.h"

namespace ferry::cli {
namespace {

constexpr const char* kFooter = R"(
examples:
  ferry check net.onnx             one line per node, and a verdict
  ferry check net.onnx --quiet     the verdict only; what runs slowly is still listed
  ferry check net.onnx --lenient   may break rules of ONNX that do not keep it from running
  ferry check net.onnx --json      for programs

A node is `fast` (a kernel written for speed), `view` (costs nothing) or `reference` (correct, slow;
the reasons why fast kernels refused follow). If check says OK, loading succeeds here.
exit codes: 0 OK, 1 not supported or damaged (the reason is printed), 2 the command line is wrong.)";

struct Options {
  std::string model;
  bool json = false, quiet = false, lenient = false;
  EngineOptions engine;
};

std::string speed_of(const SessionReport::Step& step) {
  return step.kernel == "reference" || step.kernel == "view" ? step.kernel : "fast";
}

Json report_of(const Options& o, const Model& model, const SessionReport& made) {
  std::map<std::string, size_t> counts = {{"fast", 0}, {"view", 0}, {"reference", 0}};
  Json steps = Json::array();
  for (const SessionReport::Step& s : made.steps) {
    ++counts[speed_of(s)];
    Json j = {{"node", s.node}, {"op", s.op}, {"speed", speed_of(s)}, {"kernel", s.kernel}};
    if (!s.tactic.empty()) j["tactic"] = s.tactic;
    if (!s.why_not.empty()) j["why_not"] = s.why_not;
    if (s.depth > 0) j["depth"] = s.depth;
    steps.push_back(std::move(j));
  }
  return {{"model", o.model},
          {"ok", true},
          {"nodes", measure_size(model).nodes},
          {"steps", made.steps.size()},
          {"fast", counts["fast"]},
          {"view", counts["view"]},
          {"reference", counts["reference"]},
          {"isa", made.isa},
          {"cache", cache_json(made)},
          {"kernels", std::move(steps)}};
}

void print_text(const Options& o, const Json& report) {
  Table table("llll");
  table.add({"node", "operator", "speed", "kernel"});
  for (const auto& s : report["kernels"]) {
    if (o.quiet && s["speed"] != "reference") continue;
    const std::string indent(2 * s.value("depth", size_t{0}), ' ');
    std::string kernel = s["kernel"].get<std::string>();
    if (s.contains("tactic")) kernel += ", " + s["tactic"].get<std::string>();
    if (s["speed"] == "reference" && s.contains("why_not")) {
      kernel += " (" + s["why_not"].get<std::string>() + ")";
    }
    table.add({indent + s["node"].get<std::string>(), s["op"].get<std::string>(),
               s["speed"].get<std::string>(), kernel});
  }
  if (!table.empty()) table.print();
  print_cache(report["cache"]);
  say("OK: {} in {}: {} fast, {} free, {} by reference kernels ({})",
      plural(report["nodes"].get<size_t>(), "node"), plural(report["steps"].get<size_t>(), "step"),
      report["fast"].get<size_t>(), report["view"].get<size_t>(), report["reference"].get<size_t>(),
      report["isa"].get<std::string>());
}

int not_supported(const Options& o, const Status& status) {
  if (!o.json) throw Error(status);
  const Json report = {{"model", o.model},
                       {"ok", false},
                       {"code", std::string(code_name(status.code()))},
                       {"message", status.message()}};
  print_json(report);
  return kExitError;
}

// Why the model did not load by the rules; and that it runs all the same, where it does.
Status refusal(const Options& o, const Status& status, LoadOptions load) {
  if (o.lenient) return status;
  load.strict = false;
  if (!Model::load(o.model, load).ok()) return status;
  return Status(status.code(), std::string(status.message()) +
                                   "; loading forgives that, and so does check with --lenient");
}

int check_model(const Options& o) {
  LoadOptions load = o.engine.get_load();
  load.strict = !o.lenient;
  const Result<Model> model = Model::load(o.model, load);
  if (!model.ok()) return not_supported(o, refusal(o, model.status(), load));
  const Result<Session> session = Session::create(*model, o.engine.get());
  if (!session.ok()) return not_supported(o, session.status());
  const Json report = report_of(o, *model, session->report());
  if (o.json)
    print_json(report);
  else
    print_text(o, report);
  return kExitOk;
}

}  // namespace

void add_check(CLI::App& app, int& code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("check", "is the model supported, and how does each node run?");
  verb->footer(kFooter);
  verb->add_option("MODEL", options->model, "the .onnx file")->required();
  verb->add_flag("-q,--quiet", options->quiet, "list only what runs by reference kernels");
  verb->add_flag(
      "--lenient", options->lenient,
      "forgive what loading forgives: nodes out of order, names that shadow others, ...");
  verb->add_flag("--json", options->json, "print the report as JSON");
  options->engine.add_to(*verb);
  verb->callback([options, &code] { code = check_model(*options); });
}

}  // namespace ferry::cli
