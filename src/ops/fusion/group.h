// SPDX-License-Identifier: Apache-2.0
// A group of nodes that the planner runs as one step: an anchor and the elementwise tail that
// finishes its tile, or such groups one after the other, strip by strip. Its body is the group as a
// graph; inputs and outputs are the body's. Not of ONNX: made when planning, never written.
#pragma once

#include <cstdint>

namespace ferry {

struct Group {
  // The body's nodes are anchors, or groups around them: a chain by input 0 of each.
  bool strips = false;
  int64_t strip_height = 0;  // output rows of a strip; 0: as many as the cache holds
};

}  // namespace ferry
