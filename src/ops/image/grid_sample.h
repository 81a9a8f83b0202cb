// SPDX-License-Identifier: Apache-2.0
// y[n, c, o] = x[n, c] interpolated at the position grid[n, o], which is normalised so that -1 and
// 1 are the borders of x, innermost axis first.
//   x: [N, C, d1, ..., dr]  any type (strings and "nearest" only go together)
//   grid: [N, o1, ..., or, r]  f16 bf16 f32 f64      y: [N, C, o1, ..., or], type of x
// ONNX GridSample-22 (versions 16 and 20 call the modes bilinear and bicubic in 2-D).
#pragma once

#include <string>

namespace ferry {

struct GridSample {
  std::string mode = "linear";         // or nearest, cubic
  std::string padding_mode = "zeros";  // or border, reflection
  bool align_corners = false;          // -1 and 1 are centres of the outermost pixels
};

}  // namespace ferry
