// SPDX-License-Identifier: Apache-2.0
// The order in which the nodes of a decoded graph can be built: the file's own when it is
// topological, a stable sort of it otherwise.
#pragma once

#include <span>
#include <vector>

#include "onnx/wire.h"

namespace ferry::onnx {

// "node 'conv1' (Conv)", or "node of 'y' (Conv)" for nameless ones.
std::string describe(const NodeProto& node);

// Bodies count as uses of what they capture.
// Errors: kInvalidModel for a value that two nodes define, or a cycle.
Result<std::vector<uint32_t>> source_order(std::span<const NodeProto> nodes);

}  // namespace ferry::onnx
