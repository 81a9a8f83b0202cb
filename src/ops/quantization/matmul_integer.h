// SPDX-License-Identifier: Apache-2.0
// Matrix products of quantized tensors, shaped as MatMul.
//   MatMulInteger: y = (a - a_zero_point) (b - b_zero_point) as i32, wrapping; a, b: i8 u8
//   QLinearMatMul: y = saturate(round(that * a_scale b_scale / y_scale) + y_zero_point);
//                  a, b, y: i8 u8 or float8; scales f32 f16 bf16
// Scales and zero points are scalars or one per row of a and column of b: a vector, or a tensor of
// the operand's rank with 1 along the inner axis.
// ONNX MatMulInteger-10, QLinearMatMul-21.
#pragma once

namespace ferry {

struct MatMulInteger {};
struct QLinearMatMul {};

}  // namespace ferry
