// SPDX-License-Identifier: Apache-2.0
// y = x[starts : ends : steps] along `axes`, as numpy slices with clamped ends.
//   x: any   starts, ends, axes, steps: i32 or i64 [n]; axes default to 0..n-1, steps to 1
// ONNX Slice-13.
#pragma once

#include "ops/walk.h"

namespace ferry {

struct Slice {};

// What of input 0 the output is. Errors: those of the operator.
Result<StridedView> view_of(const Slice& op, EvalContext& c);

// Where in x, in elements, the output of `node` lies as it is; nullopt when it does not, or when
// that cannot be told.
std::optional<Dim> slice_offset(const Graph& graph, const Node& node);

}  // namespace ferry
