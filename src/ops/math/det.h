// SPDX-License-Identifier: Apache-2.0
// y = the determinant of every square matrix of x.
//   x: [..., n, n] floating   y: [...]
// ONNX Det-22.
#pragma once

namespace ferry {

struct Det {};

}  // namespace ferry
