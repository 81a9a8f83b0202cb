// SPDX-License-Identifier: Apache-2.0
// Decodes arbitrary bytes as a model, and as the files of inputs that `ferry run` reads.
#include "fuzz.h"
#include "onnx/value_proto.h"
#include "onnx/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ferry;
  const auto bytes = fuzz::bytes_of(data, size);
  onnx::Wire wire({reinterpret_cast<const char*>(data), size}, fuzz::kLimits);
  fuzz::check(wire.model().status());
  fuzz::check(wire.tensor(wire.bytes()).status());
  fuzz::check(wire.sparse_tensor(wire.bytes()).status());
  const auto budget = MemoryBudget::create(fuzz::kMemory);
  const Type tensor = Type::tensor(DType::kFloat32);
  for (const Type& type : {tensor, Type::sequence_of(tensor), Type::optional_of(tensor),
                           Type::map_of(DType::kInt64, tensor)}) {
    fuzz::check(onnx::read_value(bytes, type, fuzz::kLimits, budget.get()).status());
  }
  return 0;
}
