// SPDX-License-Identifier: Apache-2.0
// y = min(max(x, low), high); an absent bound is none. When low > high, y is high; NaN stays.
//   x: [...] any number   low, high: one element each, optional   y: shape and type of x
// ONNX Clip-13.
#pragma once

namespace ferry {

struct Clip {};

}  // namespace ferry
