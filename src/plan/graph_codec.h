// SPDX-License-Identifier: Apache-2.0
// A graph as bytes and back: the operators of this build with all their fields, internal ones too.
// Not a format for exchange: only the build that wrote it reads it. What exporters noted (doc,
// metadata) is left out.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ir/graph.h"

namespace ferry {

// Where the elements of a constant are, in numbers that only the caller understands. nullopt: with
// the graph. Empty: nowhere, nobody reads them.
using ConstantPlace = std::optional<std::vector<uint64_t>>;
using PlaceConstant = std::function<ConstantPlace(const Graph&, ValueId)>;

// The same graph gives the same bytes; values and nodes that are dead leave no trace.
std::vector<std::byte> encode_graph(const Graph& graph, const PlaceConstant& place);

// The elements of a constant that is elsewhere; undefined when there are none such.
using FindConstant =
    std::function<Tensor(const std::vector<uint64_t>& place, DType type, const Dims& dims)>;

// A graph that verify() accepts. Errors: kInvalidModel for bytes that are no graph of this build,
// whatever they are.
Result<std::unique_ptr<Graph>> decode_graph(std::span<const std::byte> bytes,
                                            const FindConstant& find, MemoryBudget* budget);

}  // namespace ferry
