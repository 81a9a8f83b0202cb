// SPDX-License-Identifier: Apache-2.0
// Grouped convolution of channels-last images with few channels per group, depthwise above all: a
// vector holds neighbouring output channels of one pixel, a tile is up to eight pixels of a row.
//
// Correct for any grouping; pays when a group has fewer input and output channels than a vector has
// lanes. The order in which an output is summed depends on the layer and the instruction set alone.
#pragma once

#include <numeric>

#include "kernels/conv/conv.h"

namespace ferry {

// Input channels from the first to the last one that a vector of output channels begins its groups
// with, at most. Two vectors of inputs hold what a vector of outputs reads where this is at most
// twice its lanes; else inputs are gathered one by one.
constexpr int64_t group_span(int64_t lanes, int64_t group_in, int64_t group_out) {
  // Output channels of a group that precede a vector are a multiple of this.
  const int64_t first = std::gcd(group_out, lanes);
  const int64_t groups = (group_out - first + lanes - 1) / group_out + 1;
  return (groups - 1) * group_in + 1;
}

// One output row. Row pointers make rings of rows possible: rows[kd * kernel_h + kh] is pixel 0 of
// that input row, or null outside the image.
struct DepthwiseRow {
  const float* const* rows;
  int64_t row_count;
  int64_t x_pitch, in_w;
  int64_t kernel_w, stride_w, dilation_w, pad_w;
  int64_t in_channels, group_in, group_out;
  // [block][row][kw][channel of the group][weights_pitch]: one block if a group has one channel,
  // else one for every 16 output channels.
  const float* weights;
  int64_t weights_pitch, weights_block;
  const float* bias;
  float* y;
  int64_t y_pitch, out_w;
  const float* residual;  // may be y
  int64_t residual_pitch;
  int64_t c0, c1;  // output channels; c0 is a multiple of 16
  float lo, hi;

  bool in_place() const { return residual == y; }
};

struct DepthwiseKernels {
  void (*row)(const DepthwiseRow& row) noexcept;
};
const DepthwiseKernels& depthwise_kernels(Isa isa) noexcept;

// Floats of packed weights; `packed` is 64-byte aligned.
int64_t depthwise_packed_size(const ConvShape& shape) noexcept;

// From ONNX's [out_channels, in_channels / groups, kd, kh, kw].
void depthwise_pack_weights(const ConvShape& shape, const float* weights, float* packed) noexcept;

// Bytes of scratch that one thread needs.
int64_t depthwise_scratch_bytes(const ConvShape& shape) noexcept;

// Computes the output rows [row0, row1) of shape.rows(). Arguments as for conv_rows.
void depthwise_rows(const DepthwiseKernels& kernels, const ConvShape& shape, const ConvArgs& args,
                    int64_t row0, int64_t row1, void* scratch) noexcept;

}  // namespace ferry
