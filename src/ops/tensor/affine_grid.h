// SPDX-License-Identifier: Apache-2.0
// y = the sampling grid of affine maps: theta applied to positions spread over [-1, 1].
//   theta: [n, 2, 3] or [n, 3, 4] floating   size: i64[4] or i64[5], (n, c, d?, h, w)
//   y: [n, h, w, 2] or [n, d, h, w, 3]; last axis x, y, z
// ONNX AffineGrid-20.
#pragma once

#include "ir/eval.h"

namespace ferry {

struct AffineGrid {
  bool align_corners = false;  // -1 and 1 are the centres of the corner pixels, not their edges
};

// The dims of y, checked.
Result<Dims> affine_grid_dims(EvalContext& c);
// Where element i of n lies along an axis.
double affine_grid_position(int64_t i, int64_t n, bool align_corners);

}  // namespace ferry
