// SPDX-License-Identifier: Apache-2.0
// Imports arbitrary bytes and runs every pass over the graph, which must stay valid after each.
#include "fuzz.h"
#include "passes/pipelines.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ferry;
  const auto budget = MemoryBudget::create(fuzz::kMemory);
  const auto graph = fuzz::import(fuzz::bytes_of(data, size), *budget);
  if (!graph) return 0;
  const StopToken stop(nullptr, StopToken::Clock::now() + std::chrono::milliseconds(500));
  PassOptions options;
  options.verify = true;
  options.budget = budget.get();
  options.max_fold_bytes = options.max_fold_bytes_per_value = 1 << 20;
  options.poll = [&]() -> Status {
    if (stop.reason() == StopToken::Reason::kGoOn) return {};
    return make_error(Code::kDeadlineExceeded, "time is up");
  };
  fuzz::check(run_passes(*graph, standard_pipeline(), options).status());
  return 0;
}
