// SPDX-License-Identifier: Apache-2.0
// Weighted sums of fp32 rows, one axis of a resampling at a time; picks from them; and where pixels
// of a grid lie.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

// Indices that never fall into rows of `width` elements, in groups of ResizeKernels::lanes of which
// the last may be short. Where those of a group lie close enough together to come out of one
// vector, base is where that starts and lane are the places in it, of whole groups; else base is
// -1.
struct RisingPicks {
  int64_t width;
  const int32_t* index;
  const int32_t* base;
  const int32_t* lane;
};

// Positions in a picture from -1 to 1, its sides below 2^24 and pixels below 2^31; outside lie
// zeros or the border's pixels.
struct SampledPicture {
  int64_t width, height;
  bool align_corners, border;
};

// Of each position the pixel `first`, which is kept where `kept` is -1. Of linear sampling: two
// pixels in a row at `first` and two at `second`, which lie in the picture unless that is one pixel
// wide, their weights, and the bits of those that are no zeros.
struct SamplePlaces {
  int32_t *first, *second, *kept;
  float* weight[4];
};

struct MovedTaps {
  const int32_t *row, *column;
  int32_t dy, dx;
  const float *y, *x;
};

struct ResizeKernels {
  // y[i] = sum over t of weight[t] * x[t][i], for n elements.
  void (*blend_rows)(const float* const* x, const float* weight, int64_t taps, float* y,
                     int64_t n) noexcept;
  // y[i] = sum over t of weight[t * n + i] * x[index[t * n + i]].
  void (*blend_gathered)(const float* x, const int32_t* index, const float* weight, int64_t taps,
                         float* y, int64_t n) noexcept;
  // For pick_rising: base and lane of n indices into rows of `width` elements.
  void (*plan_rising)(const int32_t* index, int64_t n, int64_t width, int32_t* base,
                      int32_t* lane) noexcept;
  // y[i] = x[index[i]] of any 32 bits. The same goes to `again`, unless that is null.
  void (*pick_rising)(const float* x, const RisingPicks& picks, float* y, float* again,
                      int64_t n) noexcept;
  // Places of n positions; whole groups of 16 are read and written.
  void (*place_nearest)(const SampledPicture& in, const float* x, const float* y, int64_t n,
                        const SamplePlaces& places) noexcept;
  void (*place_linear)(const SampledPicture& in, const float* x, const float* y, int64_t n,
                       const SamplePlaces& places) noexcept;
  // The same of taps at (row[i] + dy, column[i] + dx), moved by (y[i], x[i]); zeros outside. What
  // weighs nothing is not kept.
  void (*place_moved)(const SampledPicture& in, const MovedTaps& taps, int64_t n,
                      const SamplePlaces& places) noexcept;
  int lanes;
};
FERRY_DECLARE_ISA_TABLE(ResizeKernels, kResizeKernels)

const ResizeKernels& resize_kernels(Isa isa) noexcept;

}  // namespace ferry
