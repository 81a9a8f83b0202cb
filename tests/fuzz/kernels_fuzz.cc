// SPDX-License-Identifier: Apache-2.0
// Any operator with any attributes, planned and run on the fast kernels of every instruction set:
// nothing may be read or written outside a tensor, and errors must be those of the reference.
#include "fuzz.h"
#include "ir/infer.h"
#include "operators.h"
#include "ops_cpu/kernels.h"
#include "runtime/engine.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ferry;
  FuzzedDataProvider in(data, size);
  const auto budget = MemoryBudget::create(fuzz::kMemory);
  fuzz::OneNode one;
  SessionOptions options;
  options.threads = 1;
  options.memory_limit_bytes = fuzz::kMemory;
  options.optimize = in.ConsumeBool();
  const auto isa = in.ConsumeIntegralInRange<int>(0, 2);
  options.isa = isa == 0 ? "" : isa == 1 ? "scalar" : "avx2";
  if (!fuzz::make_node(in, *budget, one)) return 0;
  if (!infer_node(*one.graph, one.node).ok()) return 0;
  try {
    auto engine = Engine::create(*one.graph, options, cpu_kernels());
    fuzz::check(engine.status());
    if (!engine.ok()) return 0;
    std::vector<Value> outputs;
    const Status ran =
        (*engine)->run(one.inputs, outputs, {.timeout = std::chrono::milliseconds(100)});
    fuzz::check(ran);
    if (ran.ok()) fuzz::check_types(one, outputs);
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  return 0;
}
