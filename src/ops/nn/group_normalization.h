// SPDX-License-Identifier: Apache-2.0
// y = scale * (x - mean) / sqrt(var + epsilon) + bias with the statistics of each sample's group of
// channels; InstanceNormalization is the same with one channel per group.
//   x: [N, C, ...]  scale, bias: [C]   f16 bf16 f32 f64      y: shape and type of x
// ONNX GroupNormalization-21 (version 18 has scale and bias per group), InstanceNormalization-22.
#pragma once

#include <cstdint>

namespace ferry {

struct GroupNormalization {
  int64_t num_groups = 0;  // 0: one per channel
  float epsilon = 1e-5f;
  int64_t stash_type = 1;  // accepted; statistics are always computed wider than x
  // Not of ONNX, set when planning: x and y are [N, spatial..., C].
  bool channels_last = false;
};

}  // namespace ferry
