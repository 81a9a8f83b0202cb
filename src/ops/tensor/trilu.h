// SPDX-License-Identifier: Apache-2.0
// y = the upper (or lower) triangles of the matrices of x, diagonal k included; the rest is 0.
//   x: [..., n, m] any   k: i64 one element, optional (0)
// ONNX Trilu-14.
#pragma once

namespace ferry {

struct Trilu {
  bool upper = true;
};

}  // namespace ferry
