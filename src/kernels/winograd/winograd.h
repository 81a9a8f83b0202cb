// SPDX-License-Identifier: Apache-2.0
// 3x3 convolution of channels-last images by Winograd's minimal filtering: F(2x2), F(4x4), F(6x6).
// A dilated kernel slides over every so many pixels: the pixels of a tile are as far apart.
// A stride of 2 is four convolutions of 2x2, 2x1, 1x2 and 1x1, each of a quarter of the pixels (the
// even or odd rows, the even or odd columns), summed in the transform domain: F(3x3), F(5x5).
// Groups are convolutions of their own; in a volume the slices of a d x 3 x 3 kernel, whatever
// their stride and dilation, are as many times the channels.
//
// The output is cut into tiles of m x m pixels. A block of tiles is transformed, multiplied point
// by point of the transform domain (side^2 matrix products), and transformed back while everything
// lies in L2. Blocks are independent, so threads share nothing but the weights.
//
// Needs 2.25, 4 or 5.06 times fewer multiplications than the direct sum, 1.65 or 1.86 times fewer
// with a stride of 2. The error grows with m: the rms error relative to the direct sum's is about
// 0.7, 4 and 8 times for m = 2, 4 and 6 (256 channels). Results do not depend on how the tiles are
// partitioned.
#pragma once

#include "kernels/conv/conv.h"

namespace ferry {

// What one instruction set provides for one tile size: transforms of consecutive tiles.
struct WinogradTiles {
  int64_t tile;  // outputs per side
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
};
const WinogradKernels& winograd_kernels(Isa isa) noexcept;

// Null when the layer can be run, else the reason why not.
const char* winograd_refusal(const ConvShape& shape) noexcept;

// Points of the transform along an axis.
int64_t winograd_side(const ConvShape& shape, int64_t m) noexcept;

// Products of one output and tile, summed over all points: input channels in slices of the kernel
// and quarters of the image.
int64_t winograd_products(const ConvShape& shape, int64_t m) noexcept;

// Tiles of m outputs along an axis, over all sets of outputs that are `dilation` apart.
int64_t winograd_tiles_along(int64_t out, int64_t dilation, int64_t m) noexcept;

// A layer cut up for tiles of m x m outputs, m being 2, 4 or 6, or with a stride 3 or 5.
struct WinogradPlan {
  int64_t m;
  int64_t side;            // of the transform: m + 2, or with a stride m + 1
  int64_t points;          // side^2
  int64_t sets_h, sets_w;  // of outputs that are the dilation apart: rows and columns of each image
  int64_t tiles_h, tiles_w;  // of one set
  int64_t tiles;             // over the whole batch and all slices
  int64_t block_tiles;       // at most, per pass
  int64_t block_outputs;     // output channels of a group per pass
};
WinogradPlan winograd_plan(const GemmKernels& gemm, const GemmBlocking& blocking,
                           const ConvShape& shape, int64_t m) noexcept;

// Floats of transformed and packed weights; `packed` is 64-byte aligned.
int64_t winograd_packed_size(const GemmKernels& gemm, const ConvShape& shape, int64_t m) noexcept;

// Transforms and packs output channels [o0, o1) of ONNX's [out_channels, in_channels / groups, d,
// 3, 3]. Ranges may be done in parallel; counted from where their group begins o0 is a multiple of
// the gemm's nr, and so is o1 unless the group ends there.
void winograd_pack_weights(Isa isa, const ConvShape& shape, int64_t m, const float* weights,
                           int64_t o0, int64_t o1, float* packed) noexcept;

// Bytes of scratch that one thread needs, 64-byte aligned.
int64_t winograd_scratch_bytes(const WinogradPlan& plan, const ConvShape& shape) noexcept;

// Computes the tiles [tile0, tile1) of plan.tiles. Arguments as for conv_rows.
void winograd_tiles(const WinogradKernels& kernels, const GemmKernels& gemm,
                    const GemmBlocking& blocking, const WinogradPlan& plan, const ConvShape& shape,
                    const ConvArgs& args, int64_t tile0, int64_t tile1, void* scratch) noexcept;

}  // namespace ferry
