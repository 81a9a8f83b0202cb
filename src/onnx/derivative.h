// SPDX-License-Identifier: Apache-2.0
// Derivatives of operators, as nodes of other operators: what Gradient is made of.
#pragma once

#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "onnx/upgrade/upgrade.h"

namespace ferry::onnx {

// One node whose output's gradient `dy` is known; the gradients of its inputs are wanted.
struct Differentiated {
  const Op& op;
  std::vector<ValueId> inputs;
  ValueId y = kNone;        // its only output
  ValueId dy = kNone;       // of y's shape
  std::vector<bool> wanted;  // per input
};

// Gradients per input, kNone where none is wanted. Each is of the input's shape, or of one that the
// input broadcasts to: sum_to() adds up the rest.
using Derivative = Result<std::vector<ValueId>> (*)(const Differentiated& n, Rewriter& r);

// nullptr: the operator has none.
Derivative derivative_of(std::string_view full_name);
// "Add, Div, ...": all that have one.
std::string differentiable_ops();

// `gradient` summed over the axes along which `x` was broadcast, in the shape of x.
Result<ValueId> sum_to(ValueId gradient, ValueId x, Rewriter& r);
// A tensor of x's type and shape filled with `value`.
Result<ValueId> filled_like(ValueId x, double value, Rewriter& r);

}  // namespace ferry::onnx
