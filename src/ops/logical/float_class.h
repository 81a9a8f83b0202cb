// SPDX-License-Identifier: Apache-2.0
// IsNaN: y = whether x is no number. IsInf: y = whether x is an infinity (of a wanted sign).
//   x: floating, float8   y: bool, shape of x
// ONNX IsNaN-20, IsInf-20.
#pragma once

namespace ferry {

struct IsNaN {};

struct IsInf {
  bool detect_negative = true;
  bool detect_positive = true;
};

}  // namespace ferry
