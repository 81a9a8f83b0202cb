// SPDX-License-Identifier: Apache-2.0
// Conv whose taps are moved by `offset` and weighted by `mask`: a tap reads x between its elements
// by linear interpolation, zeros outside.
//   x: [N, C, spatial...]  w: [M, C / group, kernel...]  b: [M]   f16 bf16 f32 f64
//   offset: [N, offset_group * taps * spatial rank, out...]  mask: [N, offset_group * taps, out...]
//   y: [N, M, out...]
// ONNX DeformConv-22.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ferry {

struct DeformConv {
  std::vector<int64_t> kernel_shape;  // empty: as w has it
  std::vector<int64_t> strides;       // empty: ones
  std::vector<int64_t> pads;          // begins, then ends; empty: zeros
  std::vector<int64_t> dilations;     // empty: ones
  std::string auto_pad = "NOTSET";    // always
  int64_t group = 1;
  int64_t offset_group = 1;  // groups of input channels that share offsets
};

}  // namespace ferry
