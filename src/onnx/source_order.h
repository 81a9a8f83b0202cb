// SPDX-License-Identifier: Apache-2.0
// The order in which the nodes of a decoded graph can be built: the file's own when it is
// topological, a stable sort of it otherwise.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/wire.h"

namespace ferry::onnx {

// "node 'conv1' (Conv)", as the node in the graph will be called: a nameless one by its first
// output, one of a function with `prefix`, its caller, in front.
std::string describe(const NodeProto& node, std::string_view prefix = {});

// Bodies count as uses of what they capture.
// Errors: kInvalidModel for a value that two nodes define, or a cycle.
Result<std::vector<uint32_t>> source_order(std::span<const NodeProto> nodes);

// The numbers of `depends` such that each comes after all that it depends on, the lower first where
// there is a choice. When there is none `cycle` holds numbers of which each depends on the next,
// and the last on the first.
std::vector<uint32_t> sort_dependencies(const std::vector<std::vector<uint32_t>>& depends,
                                        std::vector<uint32_t>& cycle);
// "a <- b <- a".
std::string describe_cycle(const std::vector<uint32_t>& cycle, std::string_view arrow,
                           const std::function<std::string(uint32_t)>& name);

}  // namespace ferry::onnx
