// SPDX-License-Identifier: Apache-2.0
// y = alpha a' b' + beta c, where a' is a or its transpose, and so b'.
//   a': [m, k]   b': [k, n]   c: broadcasts to [m, n], optional   y: [m, n]
// ONNX Gemm-13.
#pragma once

namespace ferry {

struct Gemm {
  float alpha = 1;
  float beta = 1;
  bool trans_a = false;
  bool trans_b = false;
};

}  // namespace ferry
