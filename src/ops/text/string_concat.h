// SPDX-License-Identifier: Apache-2.0
// z = a followed by b, elementwise, broadcast against each other.
//   a, b: str   z: str
// ONNX StringConcat-20.
#pragma once

namespace ferry {

struct StringConcat {};

}  // namespace ferry
