// SPDX-License-Identifier: Apache-2.0
// y = the sampling grid of affine maps: theta applied to positions spread over [-1, 1].
//   theta: [n, 2, 3] or [n, 3, 4] floating   size: i64[4] or i64[5], (n, c, d?, h, w)
//   y: [n, h, w, 2] or [n, d, h, w, 3]; last axis x, y, z
// ONNX AffineGrid-20.
#pragma once

namespace ferry {

struct AffineGrid {
  bool align_corners = false;  // -1 and 1 are the centres of the corner pixels, not their edges
};

}  // namespace ferry
