// SPDX-License-Identifier: Apache-2.0
// Direct convolution of channels-last images on the matrix product: every output pixel is a row of
// A, given by one pointer per kernel tap into the input, so nothing is unrolled into memory.
//
// Any kernel, stride, dilation, padding and number of groups, in one to three spatial dimensions.
// Sums run in the order of (kd, kh, kw, channel), whatever range of rows is computed, so any split
// over threads gives the same bits.
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/gemm/gemm.h"

namespace ferry {

// Spatial arrays are depth, height, width; dimensions that an image lacks come first, as 1 (padding
// 0).
struct ConvShape {
  int64_t batch = 1;
  int64_t in_channels = 1, out_channels = 1, groups = 1;
  int64_t in[3] = {1, 1, 1};
  int64_t out[3] = {1, 1, 1};
  int64_t kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1};
  int64_t dilation[3] = {1, 1, 1};
  // Before the first pixel, less than 0 where some are left out; what follows the last is given by
  // `out`.
  int64_t pad[3] = {0, 0, 0};

  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t group_in() const { return in_channels / groups; }
  int64_t group_out() const { return out_channels / groups; }
  // Output rows over the whole batch; row (n * out[0] + d) * out[1] + h.
  int64_t rows() const { return batch * out[0] * out[1]; }
};

// Operands. A pixel of x, y or the residual is its channels, contiguous; pixels are `pitch` floats
// apart, so that a slice of a wider tensor's channels can be read or written in place.
struct ConvArgs {
  const float* x = nullptr;
  int64_t x_pitch = 0;
  float* y = nullptr;
  int64_t y_pitch = 0;
  const float* weights = nullptr;   // from conv_pack_weights
  const float* bias = nullptr;      // out_channels values, or none
  const float* residual = nullptr;  // may be y, but where gemm_visits_once() says no
  int64_t residual_pitch = 0;
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();
  int64_t chain = 0;  // GemmArgs::chain
  // When ring_rows > 0, x holds the last rows of one image: see x_row.
  int64_t ring_rows = 0, ring_first = 0;
  int64_t y_first = 0;  // the output row that y begins with
  // Output channels to compute, for layers with more weights than pixels: a multiple of gemm.nr to
  // another, or to the end; of groups that are no such multiple, whole groups. Everything when
  // out_end is negative. Not read by the depthwise kernels, nor by Winograd's where there are
  // groups.
  int64_t out_begin = 0, out_end = -1;

  // Where row h of the image lies in x.
  int64_t x_row(int64_t h) const { return ring_rows == 0 ? h : (h - ring_first) % ring_rows; }
};

// Floats of packed weights; `packed` is 64-byte aligned.
int64_t conv_packed_size(const GemmKernels& kernels, const ConvShape& shape) noexcept;

// From ONNX's [out_channels, in_channels / groups, kd, kh, kw].
void conv_pack_weights(const GemmKernels& kernels, const ConvShape& shape, const float* weights,
                       float* packed) noexcept;
// The same by panels [from, to) of conv_panels, in any order; the one that begins at 0 also
// prepares what all read.
int64_t conv_panels(const GemmKernels& kernels, const ConvShape& shape) noexcept;
void conv_pack_panels(const GemmKernels& kernels, const ConvShape& shape, const float* weights,
                      float* packed, int64_t from, int64_t to) noexcept;

// Of the products of outputs and taps, the share whose input lies inside the image; all of a tile
// that lie outside are left out.
double conv_inside(const ConvShape& shape) noexcept;

// Bytes of scratch that one thread needs, 64-byte aligned.
int64_t conv_scratch_bytes(const ConvShape& shape, const GemmBlocking& blocking) noexcept;

// Computes the output rows [row0, row1) of shape.rows(). From a ring, a plain product (one tap,
// nothing skipped) takes rows that lie one after the other there.
void conv_rows(const GemmKernels& kernels, const GemmBlocking& blocking, const ConvShape& shape,
               const ConvArgs& args, int64_t row0, int64_t row1, void* scratch) noexcept;

}  // namespace ferry
