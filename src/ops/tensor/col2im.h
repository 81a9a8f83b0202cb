// SPDX-License-Identifier: Apache-2.0
// y = the image whose blocks are the columns of x; overlapping elements add up.
//   x: [n, c block elements, blocks] numbers   image_shape, block_shape: i64[k]
//   y: [n, c, image_shape...]
// ONNX Col2Im-18.
#pragma once

#include <cstdint>
#include <vector>

namespace ferry {

struct Col2Im {
  std::vector<int64_t> strides;    // empty: all 1
  std::vector<int64_t> pads;       // empty: all 0; begins, then ends
  std::vector<int64_t> dilations;  // empty: all 1
};

}  // namespace ferry
