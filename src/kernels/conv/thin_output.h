// SPDX-License-Identifier: Apache-2.0
// Convolution with up to eight output channels into planes: the last layer of networks that make
// images. Vectors run along x, so no lane is spent on channels that do not exist.
//
// One or two spatial dimensions, stride 1, no groups; any kernel, dilation and padding. Sums run in
// the order of (channel, kh, kw), whatever range of rows is computed.
#pragma once

#include "kernels/conv/conv.h"

namespace ferry {

inline constexpr int64_t kThinOutputChannels = 8;

struct ThinOutputArgs {
  // Either channels-last (channel_stride 1) or in planes (pixel_stride 1).
  const float* x = nullptr;
  int64_t image_stride = 0, row_stride = 0, pixel_stride = 0, channel_stride = 0;
  // Planes with contiguous rows.
  float* y = nullptr;
  int64_t y_image_stride = 0, y_channel_stride = 0, y_row_stride = 0;
  const float* weights = nullptr;  // from thin_output_pack_weights
  const float* bias = nullptr;
  const float* residual = nullptr;  // in the strides of y, or none
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();
};

// A strip of padded planes, [row][channel][width], and what to make of it: one output row.
struct ThinOutputRow {
  const float* strip;
  const int32_t* offsets;  // per (channel, kh, kw), from the first pixel under the window
  int64_t taps;
  const float* weights;  // [tap][outputs]
  int64_t outputs;
  int64_t pixels;
  float* y;
  int64_t y_channel_stride;
  const float* bias;
  const float* residual;
  float lo, hi;
};

struct ThinOutputKernels {
  int64_t lanes;
  void (*row)(const ThinOutputRow& row) noexcept;
  // rows x columns floats to columns x rows: to[j * to_pitch + i] = from[i * from_pitch + j].
  void (*transpose)(const float* from, int64_t from_pitch, int64_t rows, int64_t columns, float* to,
                    int64_t to_pitch) noexcept;
};
const ThinOutputKernels& thin_output_kernels(Isa isa) noexcept;

// Null when the layer can be run, else the reason why not.
const char* thin_output_refusal(const ConvShape& shape) noexcept;

// Floats of packed weights.
int64_t thin_output_packed_size(const ConvShape& shape) noexcept;

// From ONNX's [out_channels, in_channels, kd, kh, kw].
void thin_output_pack_weights(const ConvShape& shape, const float* weights, float* packed) noexcept;

// Bytes of scratch that one thread needs, 64-byte aligned.
int64_t thin_output_scratch_bytes(const ConvShape& shape, const GemmBlocking& blocking) noexcept;

// Computes the output rows [row0, row1) of shape.rows().
void thin_output_rows(const ThinOutputKernels& kernels, const GemmBlocking& blocking,
                      const ConvShape& shape, const ThinOutputArgs& args, int64_t row0,
                      int64_t row1, void* scratch) noexcept;

}  // namespace ferry
