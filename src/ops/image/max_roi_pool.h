// SPDX-License-Identifier: Apache-2.0
// Divides each region of x into pooled_shape bins of whole pixels; a bin is its largest pixel, or
// 0.
//   x: [N, C, H, W]  rois: [R, 5] (batch x1 y1 x2 y2)   f16 bf16 f32 f64
//   y: [R, C, pooled_shape...]
// ONNX MaxRoiPool-22.
#pragma once

#include <cstdint>
#include <vector>

namespace ferry {

struct MaxRoiPool {
  std::vector<int64_t> pooled_shape;  // height, width
  float spatial_scale = 1;            // from the coordinates of rois to those of x
};

}  // namespace ferry
