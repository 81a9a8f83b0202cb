// SPDX-License-Identifier: Apache-2.0
// ferry_dev: looks into the importer and the reference interpreter.
//
//   ferry_dev load MODEL...            imports and prints the graph
//   ferry_dev save MODEL OUT           imports and writes it back
//   ferry_dev upgrades                 lists "operator version" of every rewrite of older versions
//   ferry_dev suite [-q] DIR...        runs test directories (model.onnx, test_data_set_*/), or all
//                                      those directly inside DIR; -q prints failures only
//   ferry_dev suite -m WORD DIR...     only those whose name holds WORD
//   ferry_dev suite -r DIR...          writes and reads every model again before it is run
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/status.h"
#include "compare.h"
#include "ir/eval.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "onnx/export.h"
#include "onnx/import.h"
#include "onnx/upgrade/table.h"
#include "onnx/value_proto.h"

namespace fs = std::filesystem;

namespace ferry {
namespace {

int load(const std::string& path) {
  const auto model = onnx::import_file(path);
  if (!model.ok()) {
    fmt::print("{}\n", model.status().to_string());
    return 1;
  }
  size_t constants = 0, bytes = 0;
  for (ValueId v = 0; v < model->graph->num_values(); ++v) {
    if (!model->graph->value(v).constant) continue;
    ++constants;
    bytes += model->graph->value(v).constant->size_bytes();
  }
  fmt::print("{}{} nodes, {} constants of {} bytes\n", to_text(*model->graph),
             model->graph->count_nodes(), constants, bytes);
  return 0;
}

int save(const std::string& from, const std::string& to) {
  const auto model = onnx::import_file(from);
  const Status status =
      model.ok() ? onnx::export_file(*model->graph, model->info, to) : model.status();
  if (!status.ok()) fmt::print("{}\n", status.to_string());
  return status.ok() ? 0 : 1;
}

int upgrades() {
  for (const onnx::UpgradeRow& row : onnx::upgrade_rows())
    fmt::print("{} {}\n", row.op, row.before);
  return 0;
}

Result<Value> read_pb(const fs::path& path, const Type& type) {
  FERRY_ASSIGN_OR_RETURN(auto file, MappedFile::open(path.string()));
  return onnx::read_value(file->bytes(), type);
}

Status run_data_set(const Graph& graph, const fs::path& data, double rtol, double atol) {
  std::vector<Value> inputs, outputs;
  for (ValueId v : graph.inputs()) {
    const fs::path path = data / fmt::format("input_{}.pb", inputs.size());
    if (!fs::exists(path) && graph.value(v).constant) {
      inputs.emplace_back(*graph.value(v).constant);
      continue;
    }
    FERRY_ASSIGN_OR_RETURN(Value value, read_pb(path, graph.value(v).type));
    inputs.push_back(std::move(value));
  }
  FERRY_RETURN_IF_ERROR(interpret(graph, inputs, outputs).with_context("run"));
  for (size_t i = 0; i < outputs.size(); ++i) {
    const fs::path path = data / fmt::format("output_{}.pb", i);
    if (!fs::exists(path)) continue;
    const GraphValue& v = graph.value(graph.outputs()[i]);
    FERRY_ASSIGN_OR_RETURN(const Value want, read_pb(path, v.type));
    const std::string text = difference(outputs[i], want, rtol, atol);
    if (!text.empty()) return invalid_argument("output '{}' {}", v.name, text);
  }
  return {};
}

// Through the writer and back.
Result<onnx::ImportedModel> round_trip(const onnx::ImportedModel& model) {
  FERRY_ASSIGN_OR_RETURN(const std::string bytes, onnx::export_bytes(*model.graph, model.info));
  const std::span<const char> chars(bytes.data(), bytes.size());
  return onnx::import_bytes(std::as_bytes(chars), nullptr);
}

Status run_case(const fs::path& directory, bool write_first) {
  double rtol = 1e-3, atol = 1e-7;
  std::ifstream(directory / "tolerance.txt") >> rtol >> atol;
  FERRY_ASSIGN_OR_RETURN(auto model, onnx::import_file((directory / "model.onnx").string()));
  if (write_first) {
    auto again = round_trip(model);
    if (!again.ok()) return std::move(again).status().with_context("round trip");
    model = *std::move(again);
  }
  FERRY_RETURN_IF_ERROR(verify(*model.graph).with_context("verify"));
  for (int i = 0;; ++i) {
    const fs::path data = directory / fmt::format("test_data_set_{}", i);
    if (!fs::exists(data)) return {};
    FERRY_RETURN_IF_ERROR(run_data_set(*model.graph, data, rtol, atol));
  }
}

std::vector<fs::path> cases_in(const fs::path& directory) {
  if (fs::exists(directory / "model.onnx")) return {directory};
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!entry.is_directory()) continue;
    for (fs::path& p : cases_in(entry.path())) found.push_back(std::move(p));
  }
  std::sort(found.begin(), found.end());
  return found;
}

int suite(const std::vector<std::string>& args) {
  bool quiet = false, write_first = false;
  std::string word;
  size_t passed = 0, failed = 0;
  std::map<std::string, size_t> by_code;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "-q") {
      quiet = true;
    } else if (args[i] == "-r") {
      write_first = true;
    } else if (args[i] == "-m" && i + 1 < args.size()) {
      word = args[++i];
    } else {
      for (const fs::path& directory : cases_in(args[i])) {
        const std::string name = directory.filename().string();
        if (name.find(word) == std::string::npos) continue;
        const Status status = run_case(directory, write_first);
        ++(status.ok() ? passed : failed);
        if (!status.ok()) ++by_code[std::string(code_name(status.code()))];
        if (!status.ok()) fmt::print("FAIL {}: {}\n", name, status.to_string());
        if (status.ok() && !quiet) fmt::print("PASS {}\n", name);
        std::fflush(stdout);
      }
    }
  }
  fmt::print("{} passed, {} failed", passed, failed);
  for (const auto& [code, count] : by_code) fmt::print(", {} {}", count, code);
  fmt::print("\n");
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace ferry

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + std::min(argc, 2), argv + argc);
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "load" && !args.empty()) {
    int result = 0;
    for (const std::string& path : args) result |= ferry::load(path);
    return result;
  }
  if (verb == "upgrades") return ferry::upgrades();
  if (verb == "save" && args.size() == 2) return ferry::save(args[0], args[1]);
  if (verb == "suite" && !args.empty()) return ferry::suite(args);
  fmt::print(
      "usage: ferry_dev load MODEL... | ferry_dev upgrades | ferry_dev save MODEL OUT | ferry_dev "
      "suite [-q] [-r] [-m WORD] DIR...\n");
  return 2;
}
