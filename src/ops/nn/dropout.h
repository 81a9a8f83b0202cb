// SPDX-License-Identifier: Apache-2.0
// Inference: y = x, and a mask of true. Training: y = x / (1 - ratio) where a uniform number is at
// least `ratio`, else 0; mask says which.
//   x: any shape  f16 bf16 f32 f64 and float8   ratio: scalar, 0.5 when absent
//   training_mode: bool scalar, false when absent      y: as x   mask: bool of x's shape
// With a seed the numbers are those of NumPy's RandomState(seed).
// ONNX Dropout-22.
#pragma once

#include <cstdint>
#include <optional>

namespace ferry {

struct Dropout {
  std::optional<int64_t> seed;
};

}  // namespace ferry
