// SPDX-License-Identifier: Apache-2.0
// Expand: y = x broadcast with `shape`, in both directions.
// Tile: y = x repeated repeats[a] times along every axis a.
//   x: any   shape: i64[n]   repeats: i64[rank]
// ONNX Expand-13, Tile-13.
#pragma once

#include "ops/walk.h"

namespace ferry {

struct Expand {};
struct Tile {};

// What of input 0 the output is. Errors: those of the operator.
Result<StridedView> view_of(const Expand& op, EvalContext& c);

Result<Dims> output_dims(const Tile& op, EvalContext& c);

}  // namespace ferry
