// SPDX-License-Identifier: Apache-2.0
// Limits: what a loaded model file may ask for. A model file is hostile input: every limit is on by
// default, and meeting one is an error (Code::kLimitExceeded) that names it.
//
//   ferry::Limits limits{.max_file_bytes = 1 << 30};
#pragma once

#include <cstdint>
#include <string_view>

#include "ferry/export.h"
#include "ferry/status.h"

namespace ferry {

struct Limits {
  // Bytes of the model file, and of each file of external data.
  uint64_t max_file_bytes = uint64_t{64} << 30;
  // Messages inside messages, counted from the model; protobuf's own limit. Each graph in a graph
  // takes three.
  uint32_t max_message_depth = 100;
  // Graphs inside graphs (bodies of If, Loop, Scan) and functions calling functions.
  uint32_t max_graph_depth = 32;
  // Nodes of the whole model: bodies counted, functions inlined.
  uint64_t max_nodes = 1'000'000;
  // Names in the file: inputs and outputs of nodes and graphs, initializers.
  uint64_t max_values = 4'000'000;
  // Dimensions of a tensor in the file; a tensor of more than 16 can be read past, not run.
  uint32_t max_rank = 64;
  // Inlining functions may make at most this many nodes of each node in the file ...
  uint32_t max_inline_growth = 16;
  // ... plus this many.
  uint64_t max_inline_extra_nodes = 10'000;
};

// Sets the limit called `name`, e.g. "max_nodes". Errors: kInvalidArgument for another name (all of
// them are listed) or a value that the field cannot hold.
FERRY_API Status set_limit(Limits& limits, std::string_view name, uint64_t value);

}  // namespace ferry
