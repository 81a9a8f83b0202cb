// SPDX-License-Identifier: Apache-2.0
// ferry bench: latency, throughput, memory, cold start, time per step, and peers in the same run.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "bench_profile.h"
#include "bench_report.h"
#include "bench_rounds.h"
#include "inputs.h"
#include "json.h"
#include "npy.h"
#include "options.h"
#include "peers.h"
#include "verb.h"

namespace ferry::cli {
namespace {

constexpr const char* kFooter = R"(
examples:
  ferry bench net.onnx                       random inputs, says which
  ferry bench net.onnx --dim N=8 --threads 1,2
  ferry bench net.onnx --profile             where the time goes, step by step, against the roof
  ferry bench net.onnx --trace steps.json    the same for chrome://tracing or ui.perfetto.dev
  ferry bench net.onnx --vs onnxruntime,openvino,ncnn,torch --torch models:resnet50
  ferry bench --roofline --threads 1,2       what this machine can do at best
  ferry bench net.onnx --image in.png --json

Times are of whole runs after a warm-up; p50 is the median. Every engine runs in a process of its
own. With --vs they first compute the same outputs, then take turns in short rounds, the others
stopped meanwhile, so that a busy moment hits all; "ferry is 1.5 x as fast" is the median of the
rounds' ratios. A peer needs a Python that imports it: --python, $FERRY_PYTHON, $VIRTUAL_ENV or
python3. "openvino" is measured as it comes (bf16 where the processor has it, said so) and at f32,
"torch" eager and compiled, from a module that --torch names; ncnn's models are made by pnnx.
exit codes: 0 ok, 1 the model or an input is wrong or no peer could run, 2 the command line is wrong.)";

struct Options {
  std::string model, python, torch, markdown, plot, trace;
  std::vector<std::string> peers;
  std::vector<int> threads = {0};
  double seconds = 3;
  bool profile = false, roofline = false, json = false;
  InputOptions inputs;
  EngineOptions engine;
};

// Floating-point operations of one run; 0 when not known.
double model_flops(const Model& model, const SymbolSizes& sizes) {
  const Result<FlopCount> count = count_flops(model, sizes);
  return count.ok() ? count->total : 0;
}

// The fastest peer that computes what the model asks for.
const Json* best_peer(const Json& result) {
  const Json* best = nullptr;
  for (const Json& p : result["peers"]) {
    if (p.contains("failure") || !p["right"].get<bool>() || p["precision"] != "f32") continue;
    if (best == nullptr || p["speedup"] < (*best)["speedup"]) best = &p;
  }
  return best;
}

// Adds the roof, and each engine's share of it.
void add_roof(Json& result, const MachineRoof& roof, double flops) {
  result["flops"] = flops;
  result["roof"] = roof_json(roof);
  if (flops == 0) return;
  const auto share = [&](Json& engine) {
    const double seconds = engine["latency"]["p50_ms"].get<double>() / 1e3;
    engine["of_roof"] = flops / seconds * 1e-9 / roof.gflops;
  };
  share(result);
  if (!result.contains("peers")) return;
  for (Json& p : result["peers"]) {
    if (!p.contains("failure")) share(p);
  }
}

Json bench_threads(const Options& o, const Model& model, const Inputs& inputs, int threads) {
  SessionOptions session = o.engine.get();
  session.threads = threads;
  std::vector<std::string> order;
  for (const ValueInfo& v : model.inputs()) order.push_back(v.name);
  Json result = bench_rounds({.model = o.model,
                              .python = o.python,
                              .torch = o.torch,
                              .peers = expand_peers(o.peers),
                              .input_order = std::move(order),
                              .session = session,
                              .seconds = o.seconds},
                             inputs.values);
  const bool steps = o.profile || !o.trace.empty();
  if (!steps && o.peers.empty()) return result;
  const SymbolSizes sizes = bound_sizes(model, inputs.values);
  const MachineRoof roof = measure_machine(result["threads"].get<int>()).value();
  add_roof(result, roof, model_flops(model, sizes));
  if (!o.peers.empty()) {
    if (const Json* best = best_peer(result)) result["best_peer"] = *best;
  }
  if (steps) {
    const Session made = Session::create(model, session).value();
    const std::vector<Value> values = in_order(made, inputs.values);
    std::vector<Value> outputs;
    check(made.run(values, outputs));
    result["steps"] = profile_steps(made, values, sizes, roof);
  }
  return result;
}

int roofline(const CLI::App& verb, const Options& o) {
  allow_only(verb, "--roofline", {"--threads", "--isa", "--json"},
             "measures the machine, without a model");
  Json roofs = Json::array();
  for (int threads : o.threads) {
    roofs.push_back(roof_json(measure_machine(threads, o.engine.get().isa).value()));
  }
  if (o.json)
    print_json(roofs);
  else
    print_roofs(roofs);
  return kExitOk;
}

int bench(const CLI::App& verb, const Options& o) {
  if (o.roofline) return roofline(verb, o);
  if (o.model.empty()) throw CLI::RequiredError("MODEL");
  o.inputs.refuse_unused(false);
  for (const std::string* file : {&o.trace, &o.markdown, &o.plot}) {
    if (!file->empty()) check_can_write(*file);
  }
  const Model model = Model::load(o.model, o.engine.get_load()).value();
  const Inputs inputs = load_inputs(model, o.inputs);
  Json report = {{"model", o.model}, {"inputs", inputs.notes}, {"results", Json::array()}};
  for (int threads : o.threads) {
    report["results"].push_back(bench_threads(o, model, inputs, threads));
  }
  // Printed first: a file that cannot be written must not cost the results.
  if (o.json)
    print_json(report);
  else
    print_report(report);
  if (!o.trace.empty()) write_trace(o.trace, report);
  if (!o.markdown.empty()) write_markdown(o.markdown, report);
  if (!o.plot.empty()) write_svg(o.plot, report);
  return kExitOk;
}

}  // namespace

void add_bench(CLI::App& app, int& code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("bench", "latency, throughput, memory; against other engines too");
  verb->footer(kFooter);
  verb->add_option("MODEL", options->model, "the .onnx file");
  verb->add_option("--threads", options->threads, "threads of a run, several to compare: 1,2")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(0, 4096));
  verb->add_option("--seconds", options->seconds, "how long to measure each; default 3")
      ->check(check_seconds);
  verb->add_flag("--profile", options->profile, "time per step, against the machine's roof");
  verb->add_option("--trace", options->trace, "write the profile in Chrome's trace format");
  verb->add_flag("--roofline", options->roofline,
                 "measure the machine: multiply-adds and memory, no MODEL needed");
  CLI::Option* peers =
      verb->add_option("--vs", options->peers,
                       "engines to compare with, of onnxruntime,openvino,ncnn,torch")
          ->delimiter(',')
          ->allow_extra_args(false)
          ->check(CLI::IsMember(peer_choices()));
  verb->add_option("--torch", options->torch,
                   "MODULE:FUNCTION that returns the PyTorch module of the model")
      ->needs(peers);
  verb->add_option("--python", options->python, "the interpreter that imports them")->needs(peers);
  verb->add_flag("--json", options->json, "print the report as JSON");
  verb->add_option("--markdown", options->markdown, "write the table as Markdown to this file");
  verb->add_option("--plot", options->plot, "write a bar chart to this .svg file")
      ->check([](const std::string& path) {
        return path.ends_with(".svg")
                   ? ""
                   : "'" + path + "' is no .svg file; a chart is written as .svg";
      });
  options->inputs.add_to(*verb);
  options->engine.add_to(*verb, false);
  verb->callback([options, verb, &code] { code = bench(*verb, *options); });
}

}  // namespace ferry::cli
