// SPDX-License-Identifier: Apache-2.0
// y = (x - mean) / (sqrt(var) + 1e-9) with the statistics over `axes`.
//   x: any shape  f16 bf16 f32 f64      y: shape and type of x
// ONNX MeanVarianceNormalization-13.
#pragma once

#include <cstdint>
#include <vector>

namespace ferry {

struct MeanVarianceNormalization {
  std::vector<int64_t> axes = {0, 2, 3};
};

}  // namespace ferry
