// SPDX-License-Identifier: Apache-2.0
// Windows over fp32 planes, a row of the output at a time: the window's rows are joined element by
// element into a line, then the line's elements along it.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

enum class PoolJoin : uint8_t { kMax, kSum, kMagnitudes, kSquares };

// How a line with the padding around it lies in memory, and what is read from it.
struct PoolLine {
  int64_t width = 0;          // floats of a row of the image
  int64_t even = 0, odd = 0;  // where they begin in the line; with `odd` each second one is there
  float outside = 0;          // what the line holds beside them
  int64_t step = 1;           // from output to output
  const int64_t* taps = nullptr;
  int64_t num_taps = 0;
  const float* columns = nullptr;  // of the mean: what each output counts along the line
  int64_t outputs = 0;
  // From row to row of a window, and from one of its slices to the next, in floats.
  int64_t row_stride = 0, slice_stride = 0;
};

// A row of the output.
struct PoolRow {
  const float* first;    // of the rows of the image under the window
  int64_t slices, rows;  // none: the line is what it shall be
  float counted;         // of the mean: by which columns are multiplied
  float* line;
  float* y;
};

struct PlanePoolKernels {
  // Joins the image's rows under each window into its line, then y[i] = line[taps[t] + i * step]
  // for all t joined; a sum is divided by columns[i] * counted, of squares the root is taken.
  // Writes `outside` up to two vectors beyond the line's floats, and reads up to a vector's i
  // beyond the last output.
  void (*pool)(PoolJoin join, const PoolLine& line, const PoolRow* rows, int64_t n) noexcept;
};
FERRY_DECLARE_ISA_TABLE(PlanePoolKernels, kPlanePoolKernels)

const PlanePoolKernels& plane_pool_kernels(Isa isa) noexcept;

}  // namespace ferry
