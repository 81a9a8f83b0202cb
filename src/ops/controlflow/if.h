// SPDX-License-Identifier: Apache-2.0
// The outputs of `then_branch` where condition holds, else those of `else_branch`.
//   condition: bool, one element
// Bodies: 0 then_branch, 1 else_branch; neither has inputs of its own. ONNX If-25.
#pragma once

namespace ferry {

struct If {};

}  // namespace ferry
