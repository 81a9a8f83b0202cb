// SPDX-License-Identifier: Apache-2.0
// A depthwise 1-D convolution that sees the present and the k - 1 positions before it, which come
// from `past_state` at the start; optionally followed by x * sigmoid(x).
//   input: [N, C, L]  weight: [C, 1, k]  bias: [C]  past_state: [N, C, k - 1]   f16 bf16 f32
//   output: [N, C, L]  present_state: [N, C, k - 1], the last inputs
// ONNX CausalConvWithState-27.
#pragma once

#include <string>

namespace ferry {

struct CausalConvWithState {
  std::string activation = "none";  // or silu, swish, which are the same
};

}  // namespace ferry
