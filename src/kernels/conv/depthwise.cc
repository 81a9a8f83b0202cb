// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/depthwise.h"

#include <algorithm>
#include <cstring>

namespace ferry {

FERRY_DECLARE_ISA_TABLE(DepthwiseKernels, kDepthwise)

const DepthwiseKernels& depthwise_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kDepthwise);
}

namespace {

constexpr int64_t kBlock = 16;

int64_t padded_channels(const ConvShape& s) {
  return (s.out_channels + kBlock - 1) / kBlock * kBlock;
}

// Output channels that lie side by side in the packed weights.
int64_t weights_pitch(const ConvShape& s) {
  return s.group_in() == 1 ? padded_channels(s) : kBlock;
}
int64_t weights_block(const ConvShape& s) { return s.taps() * s.group_in() * weights_pitch(s); }

// Output channels per pass: the input under a tile of pixels and the weights stay in L1 from one
// tile to the next. Whole pixels are preferred to whole rows, because channels are what is
// contiguous: a column of single lines would fall into few cache sets when the pitch is a power of
// two.
int64_t channels_per_pass(const ConvShape& s) {
  constexpr int64_t kTilePixels = 8;
  const int64_t rows = s.kernel[0] * s.kernel[1];
  const int64_t floats = rows * (kTilePixels * s.stride[2] + s.kernel[2]) + s.taps() * s.group_in();
  const int64_t fits =
      static_cast<int64_t>(cpu_info().l1d_bytes) * 2 / 3 / (floats * int64_t{sizeof(float)});
  return std::max(fits / kBlock, int64_t{1}) * kBlock;
}

}  // namespace

int64_t depthwise_packed_size(const ConvShape& shape) noexcept {
  return shape.taps() * shape.group_in() * padded_channels(shape);
}

void depthwise_pack_weights(const ConvShape& shape, const float* weights, float* packed) noexcept {
  const int64_t taps = shape.taps(), per_group = shape.group_in(), pitch = weights_pitch(shape);
  std::memset(packed, 0, static_cast<size_t>(depthwise_packed_size(shape)) * sizeof(float));
  for (int64_t o = 0; o < shape.out_channels; ++o) {
    float* lane = packed + o / pitch * weights_block(shape) + o % pitch;
    for (int64_t c = 0; c < per_group; ++c) {
      for (int64_t t = 0; t < taps; ++t) lane[(t * per_group + c) * pitch] = *weights++;
    }
  }
}

int64_t depthwise_scratch_bytes(const ConvShape& shape) noexcept {
  return shape.kernel[0] * shape.kernel[1] * int64_t{sizeof(const float*)};
}

void depthwise_rows(const DepthwiseKernels& kernels, const ConvShape& shape, const ConvArgs& args,
                    int64_t row0, int64_t row1, void* scratch) noexcept {
  auto* rows = static_cast<const float**>(scratch);
  DepthwiseRow r;
  r.rows = rows;
  r.row_count = shape.kernel[0] * shape.kernel[1];
  r.x_pitch = args.x_pitch, r.in_w = shape.in[2];
  r.kernel_w = shape.kernel[2], r.stride_w = shape.stride[2];
  r.dilation_w = shape.dilation[2], r.pad_w = shape.pad[2];
  r.in_channels = shape.in_channels;
  r.group_in = shape.group_in(), r.group_out = shape.group_out();
  r.weights = args.weights;
  r.weights_pitch = weights_pitch(shape), r.weights_block = weights_block(shape);
  r.bias = args.bias;
  r.y_pitch = args.y_pitch, r.out_w = shape.out[2];
  r.residual_pitch = args.residual_pitch;
  r.lo = args.lo, r.hi = args.hi;
  const int64_t step = channels_per_pass(shape);
  for (r.c0 = 0; r.c0 < shape.out_channels; r.c0 += step) {
    r.c1 = std::min(r.c0 + step, shape.out_channels);
    for (int64_t row = row0; row < row1; ++row) {
      const int64_t oh = row % shape.out[1], od = row / shape.out[1] % shape.out[0];
      const int64_t image = row / (shape.out[1] * shape.out[0]);
      for (int64_t i = 0; i < r.row_count; ++i) {
        const int64_t d =
            od * shape.stride[0] + i / shape.kernel[1] * shape.dilation[0] - shape.pad[0];
        const int64_t h =
            oh * shape.stride[1] + i % shape.kernel[1] * shape.dilation[1] - shape.pad[1];
        const bool inside = d >= 0 && d < shape.in[0] && h >= 0 && h < shape.in[1];
        const int64_t x_row = (image * shape.in[0] + d) * shape.in[1] + args.x_row(h);
        rows[i] = inside ? args.x + x_row * shape.in[2] * args.x_pitch : nullptr;
      }
      r.y = args.y + (row - args.y_first) * shape.out[2] * args.y_pitch;
      r.residual = args.residual == nullptr
                       ? nullptr
                       : args.residual + row * shape.out[2] * args.residual_pitch;
      kernels.row(r);
    }
  }
}

}  // namespace ferry
