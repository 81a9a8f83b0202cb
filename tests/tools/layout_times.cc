// SPDX-License-Identifier: Apache-2.0
// layout_times: how long the memory of a program is laid out anew when the shapes change.
//
//   layout_times [SHAPES] MODEL...
//
// Binds the symbols of each model to so many (default 1000) random sizes from 1 to 64, and prints
// the median and the largest time of evaluating all sizes and placing all buffers.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "base/status.h"
#include "onnx/import.h"
#include "ops_cpu/kernels.h"
#include "runtime/engine.h"

namespace ferry {
namespace {

Status measure(const std::string& path, int shapes) {
  FERRY_ASSIGN_OR_RETURN(auto model, onnx::import_file(path));
  FERRY_ASSIGN_OR_RETURN(auto engine, Engine::create(*model.graph, {.threads = 1}, cpu_kernels()));
  const Program& program = engine->program();
  std::mt19937 random(1);
  std::vector<int64_t> symbols(program.dims.symbols().size()), sizes;
  std::vector<uint64_t> offsets;
  std::vector<double> times;
  for (int i = 0; i < shapes; ++i) {
    for (int64_t& s : symbols) s = std::uniform_int_distribution<int64_t>(1, 64)(random);
    uint64_t bytes = 0;
    const auto begin = std::chrono::steady_clock::now();
    Status status = program.dims.evaluate(symbols, sizes);
    if (status.ok()) status = program.memory.place(sizes, offsets, bytes);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    // Sizes that the model cannot take end early.
    if (status.ok()) times.push_back(took.count());
  }
  if (times.empty()) return invalid_argument("no random sizes fit {}", path);
  std::sort(times.begin(), times.end());
  fmt::print("{}: {} steps, {} sizes, {} buffers; median {:.1f} us, largest {:.1f} us of {}\n",
             path, program.steps.size(), program.dims.size(), program.memory.buffers().size(),
             times[times.size() / 2], times.back(), times.size());
  return {};
}

}  // namespace
}  // namespace ferry

int main(int argc, char** argv) {
  int shapes = 1000;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.find_first_not_of("0123456789") == std::string::npos) {
      shapes = std::stoi(word);
    } else if (const ferry::Status status = ferry::measure(word, shapes); !status.ok()) {
      fmt::print("{}: {}\n", word, status.to_string());
      return 1;
    }
  }
  return 0;
}
