// SPDX-License-Identifier: Apache-2.0
// Computes constants of a model while it is loaded.
#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "ir/eval.h"
#include "plan/program.h"

namespace ferry {

// Runs a node of constants, as interpret_node does: by the reference kernels where that is quick,
// else as a program of its own, planned with `plan`. Errors: kDeadlineExceeded well after
// `until`, and what the node's own are.
Status evaluate_constant(const Node& node, std::span<const Value> inputs,
                         std::vector<Value>& outputs, const InterpretOptions& options,
                         std::chrono::steady_clock::time_point until, const PlanOptions& plan);

}  // namespace ferry
