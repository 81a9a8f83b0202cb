// SPDX-License-Identifier: Apache-2.0
// Chooses channels-last inside and planar at the edges: image operators are rewritten to their
// channels-last form between two transposes, and transposes are then sunk and cancelled.
#pragma once

#include "ir/graph.h"
#include "ops/nn/conv.h"

namespace ferry {

// Errors: kInternal when a rewrite does not type-check.
Status assign_layouts(Graph& graph);

// Weights and bias of a convolution do not change from run to run.
bool has_constant_weights(const Graph& graph, const Node& conv);

// True for a convolution of few planar channels by a large kernel, which runs as a 3x3 convolution
// of shifted copies of its input (see ops_cpu/shifted_winograd_step.cc) unless accuracy is exact.
bool is_shifted_convolution(const Conv& conv, const Dims& weights);

}  // namespace ferry
