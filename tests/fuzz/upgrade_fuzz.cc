// SPDX-License-Identifier: Apache-2.0
// Imports a model whose opsets the first two bytes choose, so that every operator meets every
// upgrade. The file's own imports come first; the last one of a domain counts.
#include <vector>

#include "fuzz.h"
#include "ir/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ferry;
  if (size < 2) return 0;
  std::vector<uint8_t> model(data + 2, data + size);
  const auto opset = [&](std::string_view domain, uint8_t version) {
    const auto length = static_cast<uint8_t>(domain.size());
    model.insert(model.end(), {0x42, static_cast<uint8_t>(length + 4), 0x0a, length});
    model.insert(model.end(), domain.begin(), domain.end());
    model.insert(model.end(), {0x10, version});
  };
  opset("", data[0] % 30);
  opset("ai.onnx.ml", data[1] % 7);
  const auto budget = MemoryBudget::create(fuzz::kMemory);
  const auto graph = fuzz::import(fuzz::bytes_of(model.data(), model.size()), *budget);
  if (graph) fuzz::check(verify(*graph));
  return 0;
}
