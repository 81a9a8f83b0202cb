// SPDX-License-Identifier: Apache-2.0
// ferry optimize: writes the model again, with less to compute, or for readers of an older opset.
#include <CLI/CLI.hpp>
#include <memory>

#include "ferry/ferry.h"
#include "json.h"
#include "options.h"
#include "text.h"
#include "verb.h"

namespace ferry::cli {
namespace {

constexpr const char* kFooter = R"(
examples:
  ferry optimize net.onnx -o out.onnx                    all rewrites that a session makes
  ferry optimize net.onnx -o out.onnx --level none       the model as Ferry reads it
  ferry optimize net.onnx -o out.onnx --level none --opset 13
  ferry optimize net.onnx -o out.onnx --passes-off fuse_conv_bn

levels: none  functions inlined and old operator versions replaced, nothing else
        basic constants folded, identities and duplicates gone: the same arithmetic, bit for bit
        all   fusions too: results differ by rounding
exit codes: 0 ok, 1 the model is wrong or the opset has no words for it, 2 the command line is wrong.)";

struct Options {
  std::string model, out, level = "all", accuracy = "fast";
  std::vector<std::string> passes_off;
  int64_t opset = 0;
  bool external_data = false, json = false;
  EngineOptions engine;  // what loading takes

  OptimizeOptions get() const {
    OptimizeOptions o;
    o.level = level == "none"    ? OptimizeLevel::kNone
              : level == "basic" ? OptimizeLevel::kBasic
                                 : OptimizeLevel::kAll;
    o.accuracy = accuracy == "exact" ? Accuracy::kExact : Accuracy::kFast;
    o.passes_off = passes_off;
    o.opset = opset;
    o.external_data = external_data;
    return o;
  }
};

void print_text(const Options& o, const OptimizeReport& report) {
  Table table("lrr");
  table.add({"pass", "changes", "time"});
  bool any = false;
  for (const SessionReport::Pass& p : report.passes) {
    if (p.changes == 0) continue;
    any = true;
    table.add({p.name, std::to_string(p.changes), time_text(p.milliseconds / 1e3)});
  }
  if (any) table.print();
  say("{}: {} before, {} after", o.out, plural(report.nodes_before, "node"), report.nodes_after);
}

int optimize_model(const Options& o) {
  const Model model = Model::load(o.model, o.engine.get_load()).value();
  const OptimizeReport report = optimize(model, o.out, o.get()).value();
  if (!o.json) {
    print_text(o, report);
    return kExitOk;
  }
  Json j = {{"model", o.model},
            {"out", o.out},
            {"nodes_before", report.nodes_before},
            {"nodes_after", report.nodes_after},
            {"passes", Json::array()}};
  for (const SessionReport::Pass& p : report.passes) {
    j["passes"].push_back({{"name", p.name}, {"changes", p.changes}, {"ms", p.milliseconds}});
  }
  print_json(j);
  return kExitOk;
}

}  // namespace

void add_optimize(CLI::App& app, int& code) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("optimize", "write the model with less to compute");
  verb->footer(kFooter);
  verb->add_option("MODEL", o->model, "the .onnx file")->required();
  verb->add_option("-o,--output,--out", o->out, "the file to write")
      ->required()
      ->check(check_not_empty);
  verb->add_option("--level", o->level, "none, basic or all")
      ->check(CLI::IsMember({"none", "basic", "all"}))
      ->capture_default_str();
  verb->add_option("--opset", o->opset,
                   "opset to write; default: the lowest that does, from 20 on");
  verb->add_option("--accuracy", o->accuracy, "exact leaves out rewrites that re-associate")
      ->check(CLI::IsMember({"fast", "exact"}))
      ->capture_default_str();
  verb->add_option("--passes-off", o->passes_off, "rewrites to leave out: a,b,c")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_flag("--external-data", o->external_data, "weights in a file beside the model");
  verb->add_flag("--json", o->json, "print the report as JSON");
  o->engine.add_load_to(*verb);
  verb->callback([o, &code] { code = optimize_model(*o); });
}

}  // namespace ferry::cli
