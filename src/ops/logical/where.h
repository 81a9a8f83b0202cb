// SPDX-License-Identifier: Apache-2.0
// y = condition ? a : b, all three broadcast against each other.
//   condition: bool   a, b: one type, any   y: the common shape
// ONNX Where-16.
#pragma once

namespace ferry {

struct Where {};

}  // namespace ferry
