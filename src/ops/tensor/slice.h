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

// An output that lies in x as it is, from element `offset` on: in one run, or each of its rows in a
// row of x.
struct SliceRun {
  Dim offset;
  bool in_rows = false;
};
// nullopt when the output of `node` does not lie in x, or when that cannot be told.
std::optional<SliceRun> slice_run(const Graph& graph, const Node& node);

}  // namespace ferry
