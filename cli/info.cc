// SPDX-License-Identifier: Apache-2.0
// ferry info: what a model takes, gives, consists of and costs.
#include <CLI/CLI.hpp>
#include <algorithm>
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
  ferry info net.onnx
  ferry info net.onnx --dim N=8            FLOPs and memory at a batch of 8
  ferry info net.onnx --shape x=1x3x224x224
  ferry info net.onnx --kernels            which kernel runs each step, and why no faster one
  ferry info net.onnx --passes             what optimisation did
  ferry info net.onnx --values             the inferred type of every value
  ferry info net.onnx --node conv1         one node in full
  ferry info net.onnx --json               for programs
  ferry info --operators                   what operators there are

FLOPs: a multiplication and its addition are two, other arithmetic one per element, moves none.
Memory: bytes of all values between inputs and outputs at once, as a formula of the input's dims.
exit codes: 0 ok, 1 the model or an option's value is wrong, 2 the command line is wrong.)";

struct Options {
  std::string model;
  std::vector<std::string> nodes;
  bool kernels = false, passes = false, values = false, operators = false, json = false;
  ShapeOptions shapes;
  EngineOptions engine;
};

Json values_json(const std::vector<ValueInfo>& values) {
  Json list = Json::array();
  for (const ValueInfo& v : values) {
    Json j = {{"name", v.name}, {"type", v.type}};
    if (v.is_tensor) j["dtype"] = std::string(dtype_name(v.dtype));
    if (v.has_rank) {
      j["dims"] = Json::array();
      for (const DimInfo& d : v.dims)
        j["dims"].push_back(d.size >= 0 ? Json(d.size) : Json(d.symbol));
    }
    if (v.optional) j["optional"] = true;
    list.push_back(std::move(j));
  }
  return list;
}

Json costs_json(const Options& o, const Model& model, const Session& session) {
  std::vector<std::string> assumed;
  const SymbolSizes sizes = all_sizes(model, o.shapes, assumed);
  Json j = {{"sizes", Json::object()}, {"assumed", assumed}};
  for (const auto& [name, size] : sizes) j["sizes"][name] = size;
  const Result<FlopCount> flops = count_flops(model, sizes);
  if (flops.ok()) {
    j["flops"] = flops->total;
    j["flops_unknown_nodes"] = flops->unknown;
    j["flops_by_op"] = flops->by_op;
  } else if (assumed.empty()) {
    throw Error(flops.status());
  }
  const Result<uint64_t> arena = session.arena_bytes_at(sizes);
  if (arena.ok())
    j["arena_bytes"] = *arena;
  else if (assumed.empty())
    throw Error(arena.status());
  else
    j["note"] = arena.status().message();
  return j;
}

Json steps_json(const SessionReport& made) {
  Json list = Json::array();
  for (const SessionReport::Step& s : made.steps) {
    list.push_back({{"node", s.node},
                    {"op", s.op},
                    {"kernel", s.kernel},
                    {"tactic", s.tactic},
                    {"why_not", s.why_not},
                    {"depth", s.depth},
                    {"inputs", s.inputs},
                    {"outputs", s.outputs}});
  }
  return list;
}

// " (1.42 times what is in the file)"
std::string packed_ratio(const Json& j) {
  const auto source = j["source_bytes"].get<double>();
  if (source == 0) return "";
  return fmt::format(" ({:.2f} times their constants)", j["packed_bytes"].get<double>() / source);
}

Json report_of(const Options& o, const Model& model, const Session& session) {
  const ModelMetadata& m = model.metadata();
  const ModelSize size = measure_size(model);
  const SessionReport made = session.report();
  Json j = {
      {"model", o.model},
      {"producer", m.producer_name + (m.producer_version.empty() ? "" : " " + m.producer_version)},
      {"graph", m.graph_name},
      {"ir_version", m.ir_version},
      {"opsets", m.opsets},
      {"properties", m.properties},
      {"inputs", values_json(model.inputs())},
      {"outputs", values_json(model.outputs())},
      {"nodes", size.nodes},
      {"parameters", size.parameters},
      {"parameter_bytes", size.parameter_bytes}};
  std::map<std::string, size_t> ops;
  for (const NodeInfo& node : list_nodes(model)) ++ops[node.op];
  j["ops"] = ops;
  j["costs"] = costs_json(o, model, session);
  j["memory_formula"] = made.memory_formula;
  j["packed_bytes"] = made.packed_bytes;
  j["source_bytes"] = made.source_bytes;
  j["load_ms"] = made.load_milliseconds;
  j["cache"] = cache_json(made);
  j["steps"] = made.steps.size();
  j["isa"] = made.isa;
  if (o.kernels || o.json) j["kernels"] = steps_json(made);
  if (o.values || o.json) j["values"] = values_json(list_values(model));
  if (o.passes || o.json) {
    j["passes"] = Json::array();
    for (const auto& p : made.passes) {
      j["passes"].push_back({{"name", p.name}, {"changes", p.changes}, {"ms", p.milliseconds}});
    }
  }
  return j;
}

std::string joined(const Json& list, const char* between = ", ") {
  std::string text;
  for (const auto& item : list) text += (text.empty() ? "" : between) + item.get<std::string>();
  return text;
}

void print_ops(const Json& ops) {
  std::vector<std::pair<size_t, std::string>> sorted;
  for (const auto& [name, count] : ops.items()) sorted.emplace_back(count.get<size_t>(), name);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text;
  for (const auto& [count, name] : sorted) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, name);
  }
  say("nodes       {}", text.empty() ? "none" : text);
}

void print_costs(const Json& j) {
  const Json& costs = j["costs"];
  std::string at;
  for (const auto& [name, size] : costs["sizes"].items()) {
    at += fmt::format("{}{}={}", at.empty() ? " at " : ", ", name, size.get<int64_t>());
  }
  if (!costs["assumed"].empty()) at += " (set with --dim or --shape)";
  if (costs.contains("flops")) {
    say("FLOPs       {}{}", count_text(costs["flops"].get<double>()), at);
    if (const auto unknown = costs["flops_unknown_nodes"].get<size_t>(); unknown > 0) {
      say("            without {} whose shapes depend on data", plural(unknown, "node"));
    }
  }
  if (costs.contains("arena_bytes")) {
    say("memory      {}{}, weights packed for this machine {}{}",
        bytes_text(costs["arena_bytes"].get<double>()), at,
        bytes_text(j["packed_bytes"].get<double>()), packed_ratio(j));
  }
  if (costs.contains("note")) say("            {}", costs["note"].get<std::string>());
  const auto formula = j["memory_formula"].get<std::string>();
  if (!formula.empty()) say("  formula   {}", formula);
  print_cache(j["cache"], "cache       ");
}

void print_kernels(const Json& kernels) {
  Table table("llll");
  table.add({"node", "operator", "kernel", "result"});
  for (const auto& s : kernels) {
    std::string kernel = s["kernel"].get<std::string>();
    for (const char* key : {"tactic", "why_not"}) {
      const auto text = s[key].get<std::string>();
      if (!text.empty()) kernel += (key[0] == 't' ? ", " : "; refused: ") + text;
    }
    table.add({std::string(2 * s["depth"].get<size_t>(), ' ') + s["node"].get<std::string>(),
               s["op"].get<std::string>(), kernel, joined(s["outputs"])});
  }
  say("kernels");
  table.print();
}

void print_passes(const Json& passes) {
  Table table("lrr");
  table.add({"pass", "changes", "time"});
  for (const auto& p : passes) {
    table.add({p["name"].get<std::string>(), std::to_string(p["changes"].get<size_t>()),
               time_text(p["ms"].get<double>() / 1e3)});
  }
  say("passes");
  table.print();
}

void print_values(const Json& values) {
  Table table("ll");
  for (const auto& v : values)
    table.add({v["name"].get<std::string>(), v["type"].get<std::string>()});
  say("values");
  table.print();
}

void print_text(const Options& o, const Json& j) {
  say("model       {}", o.model);
  std::string opsets;
  for (const auto& [domain, version] : j["opsets"].items()) {
    opsets += fmt::format("{}{} {}", opsets.empty() ? "" : ", ",
                          domain.empty() ? "ai.onnx" : domain, version.get<int64_t>());
  }
  const auto producer = j["producer"].get<std::string>();
  say("made by     {}; IR {}, opset {}", producer.empty() ? "(not said)" : producer,
      j["ir_version"].get<int64_t>(), opsets);
  for (const char* which : {"inputs", "outputs"}) {
    bool first = true;
    for (const auto& v : j[which]) {
      say("{:<12}{}  {}{}", first ? which : "", v["name"].get<std::string>(),
          v["type"].get<std::string>(), v.contains("optional") ? "  (has a default)" : "");
      first = false;
    }
  }
  print_ops(j["ops"]);
  say("parameters  {} ({})", count_text(j["parameters"].get<double>()),
      bytes_text(j["parameter_bytes"].get<double>()));
  print_costs(j);
  if (o.kernels) print_kernels(j["kernels"]);
  if (o.passes) print_passes(j["passes"]);
  if (o.values) print_values(j["values"]);
}

// The node of this name; also by the name of a value that it makes.
const NodeInfo& find_node(const std::vector<NodeInfo>& nodes, const std::string& name) {
  for (const NodeInfo& n : nodes) {
    if (n.name == name) return n;
  }
  for (const NodeInfo& n : nodes) {
    for (const auto& output : n.outputs) {
      if (output.name == name) return n;
    }
  }
  fail(Code::kInvalidArgument, "the model has no node or value named '{}'", name);
}

Json node_json(const NodeInfo& n) {
  const auto edges = [](const std::vector<NodeInfo::Edge>& list) {
    Json j = Json::array();
    for (const auto& e : list) {
      j.push_back({{"name", e.name}, {"type", e.type}, {"constant", e.constant}});
    }
    return j;
  };
  Json j = {{"name", n.name},
            {"op", n.op},
            {"inputs", edges(n.inputs)},
            {"outputs", edges(n.outputs)},
            {"attributes", Json::object()},
            {"metadata", Json::object()}};
  for (const auto& [key, value] : n.attributes) j["attributes"][key] = value;
  for (const auto& [key, value] : n.metadata) j["metadata"][key] = value;
  if (!n.source.empty()) j["source"] = n.source;
  return j;
}

void print_node(const Json& j) {
  say("node        {}", j["name"].get<std::string>());
  say("operator    {}", j["op"].get<std::string>());
  for (const char* which : {"inputs", "outputs"}) {
    bool first = true;
    for (const auto& e : j[which]) {
      const auto name = e["name"].get<std::string>();
      say("{:<12}{}  {}{}", first ? which : "", name.empty() ? "(absent)" : name,
          e["type"].get<std::string>(), e["constant"].get<bool>() ? "  constant" : "");
      first = false;
    }
  }
  for (const char* which : {"attributes", "metadata"}) {
    bool first = true;
    for (const auto& [key, value] : j[which].items()) {
      say("{:<12}{} = {}", first ? which : "", key, value.get<std::string>());
      first = false;
    }
  }
  if (j.contains("source")) say("from        {}", joined(j["source"]));
}

int list_known(const Options& o) {
  Json list = Json::array();
  for (const OperatorInfo& op : list_operators()) {
    list.push_back({{"name", op.name},
                    {"since", op.since},
                    {"versions", op.versions},
                    {"types", op.types},
                    {"attributes", op.attributes},
                    {"kernels", op.kernels},
                    {"rewritten", op.rewritten}});
  }
  if (o.json) {
    print_json(list);
    return kExitOk;
  }
  Table table("lrll");
  table.add({"operator", "version", "fast kernels", "types of the first input"});
  for (const auto& op : list) {
    table.add({op["name"].get<std::string>(), std::to_string(op["since"].get<int>()),
               joined(op["kernels"]),
               op["rewritten"].get<bool>() ? "rewritten on import" : joined(op["types"])});
  }
  table.print();
  return kExitOk;
}

int info(const CLI::App& verb, const Options& o) {
  if (o.operators) {
    allow_only(verb, "--operators", {"--json"},
               "lists the operators of this build; those of a model: ferry info MODEL");
    return list_known(o);
  }
  if (o.model.empty()) throw CLI::RequiredError("MODEL");
  if (!o.nodes.empty()) {
    allow_only(verb, "--node", {"MODEL", "--json", "--memory-limit", "--limit"},
               "shows nodes of the model as it is in the file");
  }
  const Model model = Model::load(o.model, o.engine.get_load()).value();
  if (!o.nodes.empty()) {
    const std::vector<NodeInfo> nodes = list_nodes(model);
    Json list = Json::array();
    for (const std::string& name : o.nodes) list.push_back(node_json(find_node(nodes, name)));
    if (o.json) print_json(list);
    for (size_t i = 0; !o.json && i < list.size(); ++i) {
      if (i > 0) fmt::print("\n");
      print_node(list[i]);
    }
    return kExitOk;
  }
  const Session session = Session::create(model, o.engine.get()).value();
  const Json report = report_of(o, model, session);
  if (o.json)
    print_json(report);
  else
    print_text(o, report);
  return kExitOk;
}

}  // namespace

void add_info(CLI::App& app, int& code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("info", "inputs, outputs, operators, FLOPs, memory, kernels");
  verb->footer(kFooter);
  verb->add_option("MODEL", options->model, "the .onnx file");
  verb->add_flag("--operators", options->operators, "list the operators of this build");
  verb->add_flag("--values", options->values, "list every value with its inferred type");
  verb->add_flag("--kernels", options->kernels, "list every step with its kernel");
  verb->add_flag("--passes", options->passes, "list what every rewrite did");
  verb->add_option("--node", options->nodes, "show one node in full, by its or its output's name")
      ->allow_extra_args(false);
  verb->add_flag("--json", options->json, "print everything as JSON");
  options->shapes.add_to(*verb);
  options->engine.add_to(*verb);
  verb->callback([options, verb, &code] { code = info(*verb, *options); });
}

}  // namespace ferry::cli
