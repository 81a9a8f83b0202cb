// SPDX-License-Identifier: Apache-2.0
// RowStage: a step that can also compute its output a few rows at a time, from one buffer of rows
// into another, so that what lies between it and the next step never leaves the cache.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/conv/conv.h"
#include "plan/step_kernel.h"

namespace ferry {

// Rows of one image: all of them, or a ring that holds the last few.
struct RowRing {
  float* data = nullptr;
  int64_t pitch = 0;  // elements from pixel to pixel
  int64_t width = 0;  // pixels
  int64_t slots = 1;
  int64_t first = 0;  // row h lies in slot (h - first) % slots

  float* row(int64_t h) const { return data + (h - first) % slots * width * pitch; }
  // Rows from h on that lie one after the other.
  int64_t rows_together(int64_t h) const { return slots - (h - first) % slots; }
};

class RowStage {
 public:
  virtual ~RowStage() = default;
  // Geometry for an input of dims x, [N, H, W, C]; y becomes the dims of the output.
  virtual Result<ConvShape> row_shape(const Dims& x, Dims& y) const = 0;
  virtual int64_t row_scratch_bytes(const ConvShape& s) const = 0;
  // Computes output rows [r0, r1) of image n. The bits do not depend on the range.
  virtual void run_rows(const StepContext& c, const ConvShape& s, int64_t n, int64_t r0, int64_t r1,
                        const RowRing& x, const RowRing& y, void* scratch) const noexcept = 0;
  // The input that holds the image; as a first stage.
  virtual int image_input() const { return 0; }
  // From now on input i is input to[i] of the step that this is a stage of; -1: what the stage
  // before it makes.
  virtual void renumber_inputs(const std::vector<int>& to) = 0;
};

// Calls f(from, to) for the parts of [r0, r1) that lie in one piece in y.
template <class F>
void for_each_piece(const RowRing& y, int64_t r0, int64_t r1, F&& f) {
  while (r0 < r1) {
    const int64_t end = std::min(r1, r0 + y.rows_together(r0));
    f(r0, end);
    r0 = end;
  }
}

}  // namespace ferry
