// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution of images in planes: a vector holds neighbouring pixels of one row, so that
// nothing changes its layout on the way.
//
// One input channel per group, any number of output channels; any kernel, stride, dilation and
// padding in one to three spatial dimensions. Sums run from the bias on in the order of (kd, kh,
// kw), whatever rows are computed together; taps outside the image add zeros.
#pragma once

#include "kernels/conv/conv.h"

namespace ferry {

// Output rows of one plane. Rows of x are copies with zeros beside them, and their columns in the
// order in which taps need them; one outside the image is a row of zeros.
struct PlaneRows {
  // Output row r sees in its tap (kd, kh, kw), from its column c on, x[i] + c + x_cols[kw], where i
  // is kd * x_depth + r * stride_h + kh * dilation_h.
  const float* const* x;
  int64_t x_depth;
  const int64_t* x_cols;
  int64_t kernel_d, kernel_h, kernel_w;
  int64_t stride_h, dilation_h;
  const float* weights;  // [kd][kh][kw]
  float bias;
  float* y;
  const float* residual;  // as y, or none; not y itself
  int64_t rows, cols;     // of y, contiguous
  float lo, hi;
};

// How rows are copied: element i of part p of a copy is column first + i * parts + p of the row, or
// zero outside of it. Elements [from, end) lie inside in all parts. What is zero in all copies is
// not written.
struct PlaneSplit {
  int64_t width, first;
  int64_t parts, count;  // of elements in each part
  int64_t from, end;
  int64_t part, row;  // floats from one part to the next, from one copy to the next
};

struct PlaneDepthwiseKernels {
  void (*rows)(const PlaneRows& rows) noexcept;
  // `rows` rows of x, x_pitch floats apart.
  void (*split)(const PlaneSplit& split, const float* x, int64_t x_pitch, int64_t rows,
                float* to) noexcept;
};
const PlaneDepthwiseKernels& plane_depthwise_kernels(Isa isa) noexcept;

// Operands in planes without gaps; weights are ONNX's [out_channels, 1, kd, kh, kw].
struct PlaneConvArgs {
  const float* x = nullptr;
  float* y = nullptr;
  const float* weights = nullptr;
  const float* bias = nullptr;
  const float* residual = nullptr;  // not y
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();
};

// Bytes of scratch that one thread needs.
int64_t plane_depthwise_scratch_bytes(const ConvShape& shape) noexcept;

// Computes the rows [row0, row1) of all batch * out_channels * out[0] * out[1] output rows.
void plane_depthwise_rows(const PlaneDepthwiseKernels& kernels, const ConvShape& shape,
                          const PlaneConvArgs& args, int64_t row0, int64_t row1,
                          void* scratch) noexcept;

}  // namespace ferry
