// SPDX-License-Identifier: Apache-2.0
// Convolution of an image in planes with few channels (a photograph) into channels-last: the first
// layer of most networks. Padded rows of the image are copied to scratch; from there every product
// row is a constant stride, every tap a constant offset, so a pixel costs no pointers.
//
// One or two spatial dimensions, no groups; any kernel, stride, dilation and padding. Sums run in
// the order of (channel, kh, kw), whatever range of rows is computed.
#pragma once

#include "kernels/conv/conv.h"

namespace ferry {

// Where the planes are, in floats; pixels of a row are contiguous.
struct PlanarInput {
  const float* x = nullptr;
  int64_t image_stride = 0, channel_stride = 0, row_stride = 0;
};

// Null when the layer can be run, else the reason why not.
const char* thin_input_refusal(const ConvShape& shape) noexcept;

// Floats of packed weights; `packed` is 64-byte aligned.
int64_t thin_input_packed_size(const GemmKernels& kernels, const ConvShape& shape) noexcept;

// From ONNX's [out_channels, in_channels, kd, kh, kw].
void thin_input_pack_weights(const GemmKernels& kernels, const ConvShape& shape,
                             const float* weights, float* packed) noexcept;

// Bytes of scratch that one thread needs, 64-byte aligned.
int64_t thin_input_scratch_bytes(const ConvShape& shape, const GemmBlocking& blocking) noexcept;

// Computes the output rows [row0, row1) of shape.rows(). x and x_pitch of `args` are not used.
void thin_input_rows(const GemmKernels& kernels, const GemmBlocking& blocking,
                     const ConvShape& shape, const PlanarInput& input, const ConvArgs& args,
                     int64_t row0, int64_t row1, void* scratch) noexcept;

}  // namespace ferry
