// SPDX-License-Identifier: Apache-2.0
// Imports arbitrary bytes: inlining, upgrades, inference; what comes out must be a valid graph.
#include "fuzz.h"
#include "ir/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ferry;
  const auto budget = MemoryBudget::create(fuzz::kMemory);
  const auto graph = fuzz::import(fuzz::bytes_of(data, size), *budget);
  if (graph) fuzz::check(verify(*graph));
  return 0;
}
