// SPDX-License-Identifier: Apache-2.0
// Convolution of channels-last images by Winograd's minimal filtering: 3x3 kernels, F(2x2), F(4x4)
// and F(6x6), and kernels of 2 to 7 along one axis.
// A dilated kernel slides over every so many pixels: the pixels of a tile are as far apart.
// A stride of 2 is four convolutions of 2x2, 2x1, 1x2 and 1x1, each of a quarter of the pixels (the
// even or odd rows, the even or odd columns), summed in the transform domain: F(3x3), F(5x5). Along
// one axis it is two of halves.
// Groups are convolutions of their own; in a volume the slices of a d x 3 x 3 kernel, whatever
// their stride and dilation, are as many times the channels.
//
// The output is cut into tiles of m x m pixels, or of m pixels of a column. A block of tiles is
// transformed, multiplied point by point of the transform domain (as many matrix products), and
// transformed back while everything lies in L2. Blocks are independent, so threads share nothing
// but the weights.
//
// 3x3 needs 2.25, 4 or 5.06 times fewer multiplications than the direct sum, 1.65 or 1.86 times
// fewer with a stride of 2; F(4, 3) along one axis 2 times fewer. The error grows with the points:
// the rms error relative to the direct sum's is about 0.7, 4 and 8 times for F(2x2), F(4x4) and
// F(6x6) (256 channels). Results do not depend on how the tiles are partitioned.
#pragma once

#include "kernels/conv/conv.h"

namespace ferry {

// What one instruction set provides for one tile size: transforms of consecutive tiles.
struct WinogradTiles {
  int64_t tile_h, tile_w;  // outputs per side; a line is one wide
  int64_t in_h, in_w, out_h, out_w;
  int64_t pad_h, pad_w;
  int64_t dilation_h, dilation_w;            // from pixel to pixel of a tile
  int64_t sets_h, sets_w, tiles_h, tiles_w;  // as in WinogradPlan
  int64_t tiles_per_image() const { return sets_h * sets_w * tiles_h * tiles_w; }
  int64_t first, count;  // tiles

  // Input: channels of x to [point][tile][channels_pitch].
  const float* x;
  int64_t x_pitch;
  int64_t channels;
  float* v;
  int64_t v_pitch, v_point_stride;

  // Output: [point][tile][m_pitch] to channels [0, outputs) of y, bias and residual.
  const float* m;
  int64_t m_pitch, m_point_stride;
  int64_t outputs;
  float* y;
  int64_t y_pitch;
  const float* bias;
  const float* residual;
  int64_t residual_pitch;
  float lo, hi;
};

struct WinogradKernels {
  struct Transforms {
    void (*input)(const WinogradTiles& tiles) noexcept;
    void (*output)(const WinogradTiles& tiles) noexcept;
  };
  Transforms f2, f3, f4, f5, f6;
  Transforms line4, line6, line8;  // with as many points
};
const WinogradKernels& winograd_kernels(Isa isa) noexcept;

// Null when the layer can be run, else the reason why not.
const char* winograd_refusal(const ConvShape& shape) noexcept;

// The same layer as all functions below take it: a kernel along one axis is one of columns, and the
// pixels behind that axis are one row. An axis that the kernel has no extent along has no padding.
ConvShape winograd_shape(const ConvShape& shape) noexcept;
inline bool is_winograd_line(const ConvShape& shape) noexcept { return shape.kernel[2] == 1; }

// Sizes m of tiles that a layer can be cut into, from small to large; 0 behind the last.
struct WinogradSizes {
  int64_t m[3];
};
WinogradSizes winograd_sizes(const ConvShape& shape) noexcept;

// Points of the transform, along the axes that the kernel has an extent along.
int64_t winograd_side(const ConvShape& shape, int64_t m) noexcept;
int64_t winograd_points(const ConvShape& shape, int64_t m) noexcept;

// What each output sums up at a point, at most: input channels, in slices of the kernel and
// quarters of the image. And that of all points together.
int64_t winograd_depth(const ConvShape& shape) noexcept;
int64_t winograd_products(const ConvShape& shape, int64_t m) noexcept;

// Tiles of m x m outputs, or m x 1, over the whole batch and all slices.
int64_t winograd_num_tiles(const ConvShape& shape, int64_t m) noexcept;

// A layer cut up for tiles of m x m outputs, or m x 1.
struct WinogradPlan {
  int64_t m, m_w;          // rows and columns of a tile
  int64_t points;          // of the transform
  int64_t sets_h, sets_w;  // of outputs that are the dilation apart: rows and columns of each image
  int64_t tiles_h, tiles_w;  // of one set
  int64_t tiles;             // winograd_num_tiles
  int64_t block_tiles;       // at most, per pass
  int64_t block_outputs;     // output channels of a group per pass
};
WinogradPlan winograd_plan(const GemmKernels& gemm, const GemmBlocking& blocking,
                           const ConvShape& shape, int64_t m) noexcept;

// Floats of transformed and packed weights; `packed` is 64-byte aligned.
int64_t winograd_packed_size(const GemmKernels& gemm, const ConvShape& shape, int64_t m) noexcept;

// Transforms and packs output channels [o0, o1) of ONNX's [out_channels, in_channels / groups,
// kernel...]. Ranges may be done in parallel; counted from where their group begins o0 is a
// multiple of the gemm's nr, and so is o1 unless the group ends there.
void winograd_pack_weights(Isa isa, const ConvShape& shape, int64_t m, const float* weights,
                           int64_t o0, int64_t o1, float* packed) noexcept;

// Bytes of scratch that one thread needs, 64-byte aligned.
int64_t winograd_scratch_bytes(const WinogradPlan& plan, const ConvShape& shape) noexcept;

// Computes the tiles [tile0, tile1) of plan.tiles. Arguments as for conv_rows.
void winograd_tiles(const WinogradKernels& kernels, const GemmKernels& gemm,
                    const GemmBlocking& blocking, const WinogradPlan& plan, const ConvShape& shape,
                    const ConvArgs& args, int64_t tile0, int64_t tile1, void* scratch) noexcept;

}  // namespace ferry
