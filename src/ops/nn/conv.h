// SPDX-License-Identifier: Apache-2.0
// y[n, m, o] = b[m] + sum over c, k of x[n, c, o * stride + k * dilation - pad] * w[m, c, k],
// in `group` independent groups of channels, over any number of spatial axes.
//   x: [N, C, spatial...]  w: [M, C / group, kernel...]  b: [M]   f16 bf16 f32 f64
//   y: [N, M, out...]
// ONNX Conv-22.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ferry {

struct Conv {
  std::vector<int64_t> kernel_shape;  // empty: as w has it
  std::vector<int64_t> strides;       // empty: ones
  std::vector<int64_t> pads;          // begins, then ends; empty: zeros
  std::vector<int64_t> dilations;     // empty: ones
  std::string auto_pad = "NOTSET";
  int64_t group = 1;
  // Not of ONNX, set when planning: x and y are [N, spatial..., C]; w stays as it is.
  bool channels_last = false;
  // With channels_last: x, or y, are [N, C, spatial...] nevertheless.
  bool planar_input = false, planar_output = false;

  bool x_last() const { return channels_last && !planar_input; }
  bool y_last() const { return channels_last && !planar_output; }
};

}  // namespace ferry
