// SPDX-License-Identifier: Apache-2.0
// Copies elements between two strided views: what transposes, slices, concatenations, expansions
// and tilings come down to.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

struct MoveAxis {
  int64_t size = 0;
  int64_t from = 0, to = 0;  // strides in elements
};

// y[sum of i_a * to_a] = x[sum of i_a * from_a] for every index; outer axes first.
class Move {
 public:
  static constexpr int kMaxRank = 34;  // two per axis of a tensor, and what splits them

  // Bytes of an element: 1, 2, 4 or 8.
  explicit Move(int element) : element_(element) {}
  // Appends an inner axis; joins it with the last one when both views step through them evenly.
  void add(int64_t size, int64_t from, int64_t to);
  // Chooses the loop. Call once, after the last axis.
  void plan();

  // The work in pieces that any threads may share: units [0, units()).
  int64_t units() const { return units_; }
  int64_t bytes() const { return count_ * element_; }

 private:
  friend void run_move(Isa isa, const Move& m, const void* x, void* y, int64_t unit0,
                       int64_t unit1) noexcept;
  // kRows copies whole rows element by element or at once; kTranspose exchanges the two last axes.
  enum class Kind : uint8_t { kRows, kTranspose };

  int element_;
  Kind kind_ = Kind::kRows;
  int rank_ = 0;
  MoveAxis axes_[kMaxRank];
  int64_t count_ = 1, units_ = 0;
};

// Copies units [unit0, unit1).
void run_move(Isa isa, const Move& m, const void* x, void* y, int64_t unit0,
              int64_t unit1) noexcept;

// Runs of so many bytes, each at its pitch in bytes, from one place to another.
struct Runs {
  const void* from;
  int64_t from_pitch;
  void* to;
  int64_t to_pitch;
  int64_t bytes, count;
};

// What an instruction set provides.
struct MoveKernels {
  void (*copy_runs)(const Runs& runs) noexcept;
  // y[c * y_stride + r] = x[r * x_stride + c].
  void (*transpose_f32)(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows,
                        int64_t cols) noexcept;
  void (*transpose_u64)(const uint64_t* x, int64_t x_stride, uint64_t* y, int64_t y_stride,
                        int64_t rows, int64_t cols) noexcept;
  // y[i] = x[i * step]; x and y do not overlap.
  void (*spread_u32)(const uint32_t* x, int64_t step, uint32_t* y, int64_t n) noexcept;
  void (*spread_u64)(const uint64_t* x, int64_t step, uint64_t* y, int64_t n) noexcept;
};
FERRY_DECLARE_ISA_TABLE(MoveKernels, kMoveKernels)

}  // namespace ferry
