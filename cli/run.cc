// SPDX-License-Identifier: Apache-2.0
// ferry run: runs a model once, from files to files.
#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>

#include "cache_report.h"
#include "inputs.h"
#include "json.h"
#include "options.h"
#include "outputs.h"
#include "text.h"
#include "verb.h"

namespace ferry::cli {
namespace {

constexpr const char* kFooter = R"(
examples:
  ferry run net.onnx --image in.png --output out.png
  ferry run net.onnx -i x=x.npy -i mask=mask.npy -o y.npz
  ferry run net.onnx -i inputs.npz -o results/        one .npy per output
  ferry run net.onnx                                  random inputs, says which
  ferry run net.onnx --image a.jpg --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  ferry run net.onnx -i x.npy --fetch conv1_out -o conv1.npy   any value inside

A picture becomes (sample/255 - mean) / std, or without /255 for --range 0-255, and back. What is
converted on the way (grey, alpha, 16 bits, palette, CMYK, EXIF rotation) is printed. Fetched values
may be of a model before fusion and cost a plan of their own.
exit codes: 0 ok, 1 the model or an input is wrong, 2 the command line is wrong.)";

struct Options {
  std::string model, output;
  std::vector<std::string> fetch;
  bool json = false;
  InputOptions inputs;
  EngineOptions engine;
};

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

void print_text(const Json& report) {
  for (const auto& note : report["inputs"]) say("{}", note.get<std::string>());
  for (const auto& output : report["outputs"]) say("{}", summary_text(output));
  for (const auto& note : report["written"]) say("{}", note.get<std::string>());
  print_cache(report["cache"]);
  say("load {}, run {}, {}, {}", time_text(report["load_ms"].get<double>() / 1e3),
      time_text(report["run_ms"].get<double>() / 1e3),
      plural(report["threads"].get<size_t>(), "thread"), report["isa"].get<std::string>());
}

int run(const Options& o) {
  o.inputs.refuse_unused(is_picture_path(o.output));
  const auto start = std::chrono::steady_clock::now();
  const Model model = Model::load(o.model, o.engine.get_load()).value();
  const Inputs inputs = load_inputs(model, o.inputs);
  const Session session = Session::create(model, o.engine.get()).value();
  const double load_ms = milliseconds_since(start);

  const auto run_start = std::chrono::steady_clock::now();
  std::vector<std::string> names = o.fetch;
  NamedValues values;
  if (names.empty()) {
    values = session.run(inputs.values).value();
    for (const ValueInfo& v : model.outputs()) names.push_back(v.name);
  } else {
    values = session.run(inputs.values, names).value();
  }
  const double run_ms = milliseconds_since(run_start);

  OrderedValues outputs;
  Json report = {{"model", o.model}, {"inputs", inputs.notes}, {"outputs", Json::array()}};
  for (const std::string& name : names) {
    outputs.emplace_back(name, values.at(name));
    report["outputs"].push_back(summarize(name, values.at(name)));
  }
  std::vector<std::string> written;
  if (!o.output.empty()) {
    write_outputs(o.output, outputs, inputs.picture, o.inputs, written);
  }
  const SessionReport made = session.report();
  report["written"] = written;
  report["load_ms"] = load_ms;
  report["run_ms"] = run_ms;
  report["threads"] = made.threads;
  report["isa"] = made.isa;
  report["cache"] = cache_json(made);
  if (o.json)
    print_json(report);
  else
    print_text(report);
  return kExitOk;
}

}  // namespace

void add_run(CLI::App& app, int& code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("run", "run a model once, from files to files");
  verb->footer(kFooter);
  verb->add_option("MODEL", options->model, "the .onnx file")->required();
  verb->add_option("-o,--output", options->output,
                   "where outputs go: a picture, .npz, .npy or a folder")
      ->check(check_not_empty);
  verb->add_option("--fetch", options->fetch, "values to compute instead of the model's outputs")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_flag("--json", options->json, "print the report as JSON");
  options->inputs.add_to(*verb);
  options->engine.add_to(*verb);
  verb->callback([options, &code] { code = run(*options); });
}

}  // namespace ferry::cli
