// SPDX-License-Identifier: Apache-2.0
// Max and average pooling of channels-last fp32 images: an output pixel is its window's pixels
// reduced channel by channel.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

// Spatial arrays are depth, height, width; dimensions that an image lacks come first, as 1.
struct PoolShape {
  static constexpr int64_t kMaxTaps = 1024;

  bool max = true;             // false: the mean
  bool count_padding = false;  // of the mean: divide by taps in the padding too
  int64_t batch = 1, channels = 1;
  int64_t x_pitch = 1, y_pitch = 1;  // elements from pixel to pixel
  int64_t in[3] = {1, 1, 1};
  int64_t out[3] = {1, 1, 1};
  int64_t kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1};
  int64_t dilation[3] = {1, 1, 1};
  int64_t pad[3] = {0, 0, 0};      // before the first pixel
  int64_t pad_end[3] = {0, 0, 0};  // after the last; matters for count_padding

  // Of a window that lie in the image; at most kMaxTaps.
  int64_t taps() const {
    int64_t n = 1;
    for (int a = 0; a < 3; ++a) n *= kernel[a] < in[a] ? kernel[a] : in[a];
    return n;
  }
  // Output rows over the whole batch.
  int64_t rows() const { return batch * out[0] * out[1]; }
};

// Computes the output rows [row0, row1) of shape.rows().
void pool_rows(Isa isa, const PoolShape& shape, const float* x, float* y, int64_t row0,
               int64_t row1) noexcept;

struct PoolKernels {
  // y[c] = the maximum, or the sum divided by `divisor`, of taps[t][c] for t in [0, n).
  void (*maximum)(const float* const* taps, int64_t n, float* y, int64_t channels) noexcept;
  void (*mean)(const float* const* taps, int64_t n, float* y, int64_t channels,
               float divisor) noexcept;
};
FERRY_DECLARE_ISA_TABLE(PoolKernels, kPoolKernels)

}  // namespace ferry
