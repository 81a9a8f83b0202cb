// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets share: small limits, models and tensors out of the fuzzer's bytes, and what
// counts as a finding besides a crash: an error of the kind that is a defect of Ferry.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <span>

#include "base/status.h"
#include "base/thread_pool.h"
#include "ir/graph.h"
#include "onnx/import.h"

namespace ferry::fuzz {

inline constexpr Limits kLimits{
    .max_nodes = 500, .max_values = 2000, .max_inline_extra_nodes = 200};
inline constexpr uint64_t kMemory = 32 << 20;

inline void check(const Status& status) {
  if (status.code() != Code::kInternal) return;
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  std::abort();
}

inline std::span<const std::byte> bytes_of(const uint8_t* data, size_t size) {
  return std::as_bytes(std::span(data, size));
}

// The graph in `bytes`, or null.
std::unique_ptr<Graph> import(std::span<const std::byte> bytes, MemoryBudget& budget);

// Any type that tensors of the interface can have, small dims, contents from the fuzzer.
DType any_dtype(FuzzedDataProvider& in);
Dims any_dims(FuzzedDataProvider& in, size_t max_rank = 5);
Result<Tensor> any_tensor(FuzzedDataProvider& in, DType dtype, const Dims& dims,
                          MemoryBudget* budget);

// A value of a type whose element types are known; dims that are not are small. Symbols keep their
// sizes.
using Symbols = std::map<std::string, int64_t>;
Result<Value> any_value(FuzzedDataProvider& in, const Type& type, Symbols& symbols,
                        MemoryBudget* budget);

// Values for the graph's inputs: of the declared type and dims where they are known.
bool any_inputs(FuzzedDataProvider& in, const Graph& graph, MemoryBudget* budget,
                std::vector<Value>& values);

}  // namespace ferry::fuzz
