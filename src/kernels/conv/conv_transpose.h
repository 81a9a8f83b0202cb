// SPDX-License-Identifier: Apache-2.0
// Transposed convolution of channels-last images without scattering: the output pixels whose
// coordinates leave the same remainder by the stride form one ordinary convolution with its own
// subset of the taps, written in place.
#pragma once

#include "kernels/conv/conv.h"
#include "kernels/pause.h"

namespace ferry {

// `shape` describes the operator as ONNX's ConvTranspose does: `in` is the input, `out` the
// (larger) output, `pad` what is cut off before the first output. Output o receives input i through
// tap k when o + pad = i * stride + k * dilation. Fields of ConvArgs mean the same as for
// conv_rows; weights come from conv_transpose_pack_weights.

// Floats of packed weights; `packed` is 64-byte aligned.
int64_t conv_transpose_packed_size(const GemmKernels& kernels, const ConvShape& shape) noexcept;

// From ONNX's [in_channels, out_channels / groups, kd, kh, kw]. Asks `pause` between taps.
void conv_transpose_pack_weights(const GemmKernels& kernels, const ConvShape& shape,
                                 const float* weights, float* packed,
                                 const Pause& pause = {}) noexcept;

// Bytes of scratch that one thread needs, 64-byte aligned.
int64_t conv_transpose_scratch_bytes(const ConvShape& shape) noexcept;

// Computes the output rows [row0, row1) of shape.rows(). Strips of a multiple of the stride waste
// least.
void conv_transpose_rows(const GemmKernels& kernels, const GemmBlocking& blocking,
                         const ConvShape& shape, const ConvArgs& args, int64_t row0, int64_t row1,
                         void* scratch) noexcept;

}  // namespace ferry
