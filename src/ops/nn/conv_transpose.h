// SPDX-License-Identifier: Apache-2.0
// The gradient of Conv with respect to its input: every x[n, c, i] adds x * w[c, m, k] to
// y[n, m, i * stride + k * dilation - pad]; y starts as the bias.
//   x: [N, C, spatial...]  w: [C, M / group, kernel...]  b: [M]   f16 bf16 f32 f64
//   y: [N, M, out...], out = stride * (in - 1) + output_padding + dilation * (kernel - 1) + 1 -
//   pads
// ONNX ConvTranspose-22.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ops/nn/convolve.h"

namespace ferry {

struct ConvTranspose {
  std::vector<int64_t> kernel_shape;    // empty: as w has it
  std::vector<int64_t> strides;         // empty: ones
  std::vector<int64_t> pads;            // begins, then ends; empty: zeros
  std::vector<int64_t> dilations;       // empty: ones
  std::vector<int64_t> output_padding;  // empty: zeros
  std::vector<int64_t> output_shape;    // spatial; empty: computed from the pads
  std::string auto_pad = "NOTSET";
  int64_t group = 1;
  // Not of ONNX, set when planning: x and y are [N, spatial..., C]; w stays as it is.
  bool channels_last = false;
};

// Sizes for concrete x and weights; `window` gets the pads that belong to them. Errors: those of
// the operator.
Result<ConvSizes> transposed_sizes(const ConvTranspose& op, Window& window, const Tensor& x,
                                   const Tensor& w);

}  // namespace ferry
