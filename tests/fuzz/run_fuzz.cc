// SPDX-License-Identifier: Apache-2.0
// Loads, plans and runs: the first byte chooses options, the next two how many bytes fill inputs,
// the rest is the model. Little memory, and a deadline.
#include "fuzz.h"
#include "ops_cpu/kernels.h"
#include "runtime/engine.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ferry;
  if (size < 3) return 0;
  const size_t contents = std::min<size_t>(data[1] + 256u * (data[2] & 3), size - 3);
  const auto budget = MemoryBudget::create(fuzz::kMemory);
  const auto graph =
      fuzz::import(fuzz::bytes_of(data + 3 + contents, size - 3 - contents), *budget);
  if (!graph) return 0;
  SessionOptions options;
  options.threads = 1;
  options.memory_limit_bytes = fuzz::kMemory;
  options.optimize = (data[0] & 1) != 0;
  options.accuracy = (data[0] & 2) != 0 ? Accuracy::kExact : Accuracy::kFast;
  if ((data[0] & 4) != 0) options.isa = "scalar";
  if ((data[0] & 8) != 0) options.isa = "avx2";
  try {
    auto engine = Engine::create(*graph, options, cpu_kernels());
    fuzz::check(engine.status());
    if (!engine.ok()) return 0;
    FuzzedDataProvider in(data + 3, contents);
    // Twice: the second run meets the first one's state, under other sizes.
    for (int i = 0; i < 2; ++i) {
      std::vector<Value> inputs, outputs;
      if (!fuzz::any_inputs(in, *graph, budget.get(), inputs)) return 0;
      fuzz::check((*engine)->run(inputs, outputs, {.timeout = std::chrono::milliseconds(100)}));
    }
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {  // what ferry::Session makes kOutOfMemory
  }
  return 0;
}
