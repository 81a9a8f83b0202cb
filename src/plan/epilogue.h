// SPDX-License-Identifier: Apache-2.0
// What matrix kernels can do to a tile before it leaves registers: y = clip(anchor + residual, lo,
// hi). Read from the body of a ferry.Group.
#pragma once

#include <limits>
#include <string>
#include <variant>

#include "plan/step_kernel.h"

namespace ferry {

// An anchor with its epilogue, seen from the step: from a plain node or from a group.
struct FusedAnchor {
  const Node* anchor = nullptr;       // the node itself, or the anchor in the group's body
  std::vector<int> inputs;            // of the anchor, as input indices of the step; -1 absent
  int residual = -1;                  // input index of the step
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();
};

// The anchor of kind `op` in the request's node, or the reason why it is not one.
std::variant<FusedAnchor, std::string> find_anchor(const KernelRequest& request,
                                                   std::string_view op);

// Registers `make` for the operator itself and for groups around it.
void add_anchor_kernel(KernelRegistry& r, std::string_view op, const std::string& name,
                       Result<KernelOffer> (*make)(const KernelRequest&, const FusedAnchor&));

// True when `node` can be the next link of an epilogue chain that carries `carried`; used by the
// planner to form groups. `has_residual` and `has_clip` say what the chain holds already.
bool extends_epilogue(const Graph& graph, const Node& node, ValueId carried, bool& has_residual,
                      bool& has_clip);

}  // namespace ferry
