// SPDX-License-Identifier: Apache-2.0
// Where images stay in planes because that costs less than to turn them channels-last and back.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "ops/nn/conv.h"

namespace ferry {

// Few channels waste most of a vector of them; such images have kernels of their own.
inline constexpr int64_t kFewChannels = 4;

// Convolutions with a kernel that reads few channels from planes, or writes few to planes, whatever
// the layout on the other side. Weights are [O, I / group, kernel...].
bool takes_planes(const Conv& conv, const Dims& weights);
bool gives_planes(const Conv& conv, const Dims& weights);

// The kernel of a convolution from planes to planes.
enum class PlanarKernel : uint8_t { kUnavailable, kDepthwise, kProduct, kThinInput, kThinOutput };
PlanarKernel planar_kernel(const Conv& conv, const Dims& weights);

// By node: it belongs to a region that stays in planes. A region is a set of image operators that
// share their layout, from where images come in to where they leave.
std::vector<bool> find_planar_regions(const Graph& graph);

}  // namespace ferry
