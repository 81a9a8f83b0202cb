// SPDX-License-Identifier: Apache-2.0
// Puts every x at its place in a tensor of zeros: the inverse of MaxPool with its indices.
//   x: [N, C, spatial...]  f16 bf16 f32 f64   indices: i64 of x's shape, into [N, C, full...]
//   output_shape: i64 [rank], optional; at least as large as `full`
//   y: [N, C, full...], full = (in - 1) * stride - pads + kernel, or output_shape
// ONNX MaxUnpool-22.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/eval.h"

namespace ferry {

struct MaxUnpool {
  std::vector<int64_t> kernel_shape;
  std::vector<int64_t> strides;  // empty: ones
  std::vector<int64_t> pads;     // begins, then ends; empty: zeros
};

struct MaxUnpoolDims {
  Dims full, y;
};
// Both tensors' dims, checked.
Result<MaxUnpoolDims> max_unpool_dims(const MaxUnpool& op, EvalContext& c);

}  // namespace ferry
