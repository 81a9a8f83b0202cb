// SPDX-License-Identifier: Apache-2.0
// y = the image whose blocks are the columns of x; overlapping elements add up.
//   x: [n, c block elements, blocks] numbers   image_shape, block_shape: i64[k]
//   y: [n, c, image_shape...]
// ONNX Col2Im-18.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/eval.h"

namespace ferry {

struct Col2Im {
  std::vector<int64_t> strides;    // empty: all 1
  std::vector<int64_t> pads;       // empty: all 0; begins, then ends
  std::vector<int64_t> dilations;  // empty: all 1
};

struct Col2ImAxis {
  int64_t image, block, stride, dilation, pad, blocks;
};
struct Col2ImSizes {
  std::vector<Col2ImAxis> axes;
  int64_t elements = 0, blocks = 0;  // of a block; of an image
  Dims dims;                         // of y
};
// Everything checked.
Result<Col2ImSizes> col2im_sizes(const Col2Im& op, EvalContext& c);

}  // namespace ferry
