// SPDX-License-Identifier: Apache-2.0
// A group of nodes that the planner runs as one step: an anchor and the elementwise tail that
// finishes its tile. Its body is the group as a graph; inputs and outputs are the body's.
// Not of ONNX: made when planning, never written.
#pragma once

namespace ferry {

struct Group {};

}  // namespace ferry
