// SPDX-License-Identifier: Apache-2.0
// Quantizes x with the scale and zero point that cover its range and 0:
// scale = (max(x, 0) - min(x, 0)) / 255, zero_point = round(-min / scale).
//   x: f32, any shape      y: u8, x's shape   y_scale: f32 scalar   y_zero_point: u8 scalar
// The scale of a tensor of zeros is 1.
// ONNX DynamicQuantizeLinear-11.
#pragma once

namespace ferry {

struct DynamicQuantizeLinear {};

}  // namespace ferry
