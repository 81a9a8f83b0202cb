// SPDX-License-Identifier: Apache-2.0
// Squeeze: y = x without the axes of size 1 that `axes` names (absent: without all of them).
// Unsqueeze: y = x with an axis of size 1 at each of `axes`, counted in y.
//   x: any   axes: i64[n]
// ONNX Squeeze-25, Unsqueeze-25.
#pragma once

namespace ferry {

struct Squeeze {};
struct Unsqueeze {};

}  // namespace ferry
