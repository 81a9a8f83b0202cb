// SPDX-License-Identifier: Apache-2.0
// What ferry::Model holds.
#pragma once

#include <memory>
#include <vector>

#include "ferry/model.h"
#include "ir/graph.h"

namespace ferry {

struct Model::Impl {
  std::unique_ptr<Graph> graph;
  ModelInfo info;
  std::vector<Type> declared_outputs;
  ModelMetadata metadata;
  uint64_t file_bytes = 0;
  std::vector<ValueInfo> inputs, outputs;
};

// A value of `graph` under `name`.
ValueInfo describe_value(const Graph& graph, ValueId id, const std::string& name);

}  // namespace ferry
