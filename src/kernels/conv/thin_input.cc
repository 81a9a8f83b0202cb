// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/thin_input.h"

#include <algorithm>
#include <cstring>

namespace ferry {
namespace {

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// The padded strip: [row][channel][width] with everything that `out_rows` output rows look at.
struct Strip {
  int64_t width, out_rows, rows;

  Strip(const ConvShape& s, const GemmBlocking& blocking) {
    const int64_t reach = (s.kernel[2] - 1) * s.dilation[2] + 1;
    width = round_up((s.out[2] - 1) * s.stride[2] + reach, 16);
    const int64_t row_bytes = std::max<int64_t>(width * s.in_channels * int64_t{sizeof(float)}, 1);
    const int64_t halo = (s.kernel[1] - 1) * s.dilation[1] + 1;
    const int64_t fits = (blocking.rows_bytes / 2 / row_bytes - halo) / s.stride[1] + 1;
    out_rows = std::clamp<int64_t>(fits, 4, 32);
    rows = (out_rows - 1) * s.stride[1] + halo;
  }
  int64_t size(const ConvShape& s) const { return rows * s.in_channels * width; }
};

// Copies the rows of image `n` under output rows [oh, oh + count); outside the image there are
// zeros.
void copy_strip(const ConvShape& s, const PlanarInput& in, const Strip& strip, int64_t n,
                int64_t oh, int64_t count, float* to) {
  const int64_t first = oh * s.stride[1] - s.pad[1];
  const int64_t rows = (count - 1) * s.stride[1] + (s.kernel[1] - 1) * s.dilation[1] + 1;
  const int64_t left = std::clamp<int64_t>(s.pad[2], 0, strip.width);
  const int64_t skipped = std::clamp<int64_t>(-s.pad[2], 0, s.in[2]);
  const int64_t copied = std::clamp<int64_t>(strip.width - left, 0, s.in[2] - skipped);
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t h = first + i;
    for (int64_t c = 0; c < s.in_channels; ++c, to += strip.width) {
      if (h < 0 || h >= s.in[1]) {
        std::memset(to, 0, static_cast<size_t>(strip.width) * sizeof(float));
        continue;
      }
      const float* row =
          in.x + n * in.image_stride + c * in.channel_stride + h * in.row_stride + skipped;
      std::memset(to, 0, static_cast<size_t>(left) * sizeof(float));
      std::memcpy(to + left, row, static_cast<size_t>(copied) * sizeof(float));
      std::memset(to + left + copied, 0,
                  static_cast<size_t>(strip.width - left - copied) * sizeof(float));
    }
  }
}

void fill_offsets(const ConvShape& s, const Strip& strip, int32_t* offsets) {
  for (int64_t c = 0; c < s.in_channels; ++c) {
    for (int64_t kh = 0; kh < s.kernel[1]; ++kh) {
      for (int64_t kw = 0; kw < s.kernel[2]; ++kw) {
        const int64_t row = kh * s.dilation[1] * s.in_channels + c;
        *offsets++ = static_cast<int32_t>(row * strip.width + kw * s.dilation[2]);
      }
    }
  }
}

}  // namespace

const char* thin_input_refusal(const ConvShape& shape) noexcept {
  if (shape.groups != 1) return "groups";
  if (shape.in[0] != 1 || shape.kernel[0] != 1 || shape.out[0] != 1)
    return "three spatial dimensions";
  return nullptr;
}

int64_t thin_input_packed_size(const GemmKernels& kernels, const ConvShape& shape) noexcept {
  return gemm_packed_size(kernels, shape.taps() * shape.in_channels, shape.out_channels);
}

void thin_input_pack_weights(const GemmKernels& kernels, const ConvShape& shape,
                             const float* weights, float* packed) noexcept {
  const int64_t k = shape.taps() * shape.in_channels;
  gemm_pack_b(kernels, weights, 1, k, k, shape.out_channels, packed);
}

int64_t thin_input_scratch_bytes(const ConvShape& shape, const GemmBlocking& blocking) noexcept {
  const int64_t offsets = round_up(shape.taps() * shape.in_channels, 16);
  return (offsets + Strip(shape, blocking).size(shape)) * int64_t{sizeof(float)};
}

void thin_input_rows(const GemmKernels& kernels, const GemmBlocking& blocking,
                     const ConvShape& shape, const PlanarInput& input, const ConvArgs& args,
                     int64_t row0, int64_t row1, void* scratch) noexcept {
  const Strip strip(shape, blocking);
  auto* offsets = static_cast<int32_t*>(scratch);
  float* image = static_cast<float*>(scratch) + round_up(shape.taps() * shape.in_channels, 16);
  fill_offsets(shape, strip, offsets);
  GemmArgs g;
  g.m = shape.out[2], g.n = shape.out_channels, g.k = shape.taps() * shape.in_channels;
  g.lda = shape.stride[2];
  g.k_offsets = offsets;
  g.packed_b = args.weights;
  g.ldc = args.y_pitch, g.ldr = args.residual_pitch;
  g.bias = args.bias, g.lo = args.lo, g.hi = args.hi, g.chain = args.chain;
  const GemmBlocking whole = {.panel_bytes = blocking.panel_bytes,
                              .rows_bytes = std::numeric_limits<int64_t>::max()};
  for (int64_t row = row0; row < row1;) {
    const int64_t n = row / shape.out[1], oh = row % shape.out[1];
    const int64_t count = std::min({strip.out_rows, shape.out[1] - oh, row1 - row});
    copy_strip(shape, input, strip, n, oh, count, image);
    for (int64_t i = 0; i < count; ++i, ++row) {
      const int64_t pixel = row * shape.out[2];
      g.a = image + i * shape.stride[1] * shape.in_channels * strip.width;
      g.c = args.y + (pixel - args.y_first * shape.out[2]) * args.y_pitch;
      g.residual = args.residual == nullptr ? nullptr : args.residual + pixel * args.residual_pitch;
      gemm_tile(kernels, whole, g, 0, g.m, 0, g.n);
    }
  }
}

}  // namespace ferry
