// SPDX-License-Identifier: Apache-2.0
// Divides each region of x into output_height x output_width bins and samples every bin on a grid
// by bilinear interpolation; a bin is the mean of its samples, or the largest weighted corner of
// them.
//   x: [N, C, H, W]  rois: [R, 4] (x1 y1 x2 y2)  f16 bf16 f32 f64   batch_indices: i64 [R]
//   y: [R, C, output_height, output_width]
// ONNX RoiAlign-22.
#pragma once

#include <cstdint>
#include <string>

namespace ferry {

struct RoiAlign {
  std::string mode = "avg";                                   // or max
  std::string coordinate_transformation_mode = "half_pixel";  // or output_half_pixel
  int64_t output_height = 1;
  int64_t output_width = 1;
  int64_t sampling_ratio = 0;  // samples per bin and axis; 0: as many as input pixels
  float spatial_scale = 1;     // from the coordinates of rois to those of x
};

}  // namespace ferry
