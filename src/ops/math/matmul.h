// SPDX-License-Identifier: Apache-2.0
// Matrix product as numpy.matmul: y[..., i, j] = sum over k of a[..., i, k] b[..., k, j].
//   a: [..., m, k] or [k]   b: [..., k, n] or [k]   y: [broadcast..., m, n], 1-D sides drop out
// ONNX MatMul-13.
#pragma once

namespace ferry {

struct MatMul {
  bool trans_b = false;  // b is [n, k]; a matrix then. No ONNX attribute.
};

}  // namespace ferry
