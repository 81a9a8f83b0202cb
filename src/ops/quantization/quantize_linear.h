// SPDX-License-Identifier: Apache-2.0
// y = saturate(round(x / scale) + zero_point), one scale per tensor, per position of `axis`, or per
// block of `block_size` along it; rounding is to nearest even.
//   x: f32 f16 bf16 i32   scale: f32 f16 bf16 i32 f8e8m0   zero_point: type of y, shape of scale
//   y: i8 u8 i16 u16 i4 u4 i2 u2, float8 or f4e2m1; x's shape
// ONNX QuantizeLinear-28.
#pragma once

#include <cstdint>

namespace ferry {

struct QuantizeLinear {
  int64_t axis = 1;
  int64_t block_size = 0;    // 0: no blocks
  int64_t output_dtype = 0;  // 0: type of zero_point, or u8
  int64_t precision = 0;     // type of the division; 0: type of scale
  bool saturate = true;      // float8: the largest value instead of infinity or NaN
};

}  // namespace ferry
