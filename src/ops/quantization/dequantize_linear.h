// SPDX-License-Identifier: Apache-2.0
// y = (x - zero_point) * scale, with the granularities of QuantizeLinear.
//   x: i8 u8 i16 u16 i32 i4 u4 i2 u2, float8 or f4e2m1   scale: f32 f16 bf16 f8e8m0
//   zero_point: type of x, shape of scale      y: f32 f16 bf16; x's shape
// ONNX DequantizeLinear-28.
#pragma once

#include <cstdint>

namespace ferry {

struct DequantizeLinear {
  int64_t axis = 1;
  int64_t block_size = 0;    // 0: no blocks
  int64_t output_dtype = 0;  // 0: type of scale
};

}  // namespace ferry
