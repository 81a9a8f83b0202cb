// SPDX-License-Identifier: Apache-2.0
// Convolutions of quantized tensors; windows and groups as Conv has them.
//   ConvInteger: y = conv(x - x_zero_point, w - w_zero_point) as i32, wrapping
//   QLinearConv: y = saturate(round(that + b, times x_scale w_scale / y_scale) + y_zero_point)
//   x: i8 u8 [N, C, spatial...]  w: i8 u8 [M, C / group, kernel...]  b: i32 [M]
//   scales f32 and zero points: scalars, those of w also [M]      y: i32, or i8 u8
// ONNX ConvInteger-10, QLinearConv-10.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ferry {

struct ConvInteger {
  std::vector<int64_t> kernel_shape;  // empty: as w has it
  std::vector<int64_t> strides;       // empty: ones
  std::vector<int64_t> pads;          // begins, then ends; empty: zeros
  std::vector<int64_t> dilations;     // empty: ones
  std::string auto_pad = "NOTSET";
  int64_t group = 1;
  // Not of ONNX, set when planning: x and y are [N, spatial..., C]; w stays as it is.
  bool channels_last = false;
};

struct QLinearConv {
  std::vector<int64_t> kernel_shape;
  std::vector<int64_t> strides;
  std::vector<int64_t> pads;
  std::vector<int64_t> dilations;
  std::string auto_pad = "NOTSET";
  int64_t group = 1;
  bool channels_last = false;  // as in ConvInteger
};

}  // namespace ferry
