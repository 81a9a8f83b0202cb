// SPDX-License-Identifier: Apache-2.0
// Mean and variance of fp32 values over any axes, and one straight line per statistic.
//
// Axes that run together are merged, which leaves kept and reduced ones in turn. A unit of work is
// a dense piece: of the last axis where that is reduced, else of rows down to the last reduced one.
#pragma once

#include <array>

#include "kernels/moments/moments.h"
#include "ops/arguments.h"
#include "ops_cpu/parallel.h"

namespace ferry {

// y = slope ((x - high) - low) + bias: one of each per statistic. high + low is the mean, which
// needs digits that a float lacks.
struct MomentLines {
  float *high, *low, *slope, *bias;
  void set(int64_t i, double mean, double factor, double offset) const {
    high[i] = static_cast<float>(mean);
    low[i] = static_cast<float>(mean - static_cast<double>(high[i]));
    slope[i] = static_cast<float>(factor);
    bias[i] = static_cast<float>(offset);
  }
};

class AxisMoments {
 public:
  // No dim is 0.
  AxisMoments(const MomentKernels& kernels, const Dims& dims, const AxisFlags& reduced);
  int64_t kept() const { return kept_outer_ * cols_; }  // statistics, in the order of kept axes
  int64_t scratch_doubles() const { return 3 * units() * cols_; }
  // mean, variance (of the population): kept() of each.
  void compute(Team& team, const float* x, double* scratch, double* mean, double* variance) const;
  // y may be x.
  void apply(Team& team, const float* x, float* y, const MomentLines& lines) const;

 private:
  struct Axis {
    int64_t size = 1;
    bool reduced = false;
  };
  int64_t units() const { return kept_outer_ * reduced_outer_ * blocks_; }
  int64_t rows_of(int64_t unit) const;
  int64_t start_of(int64_t unit) const;
  int64_t kept_of(int64_t outer) const;
  int64_t outer_of(int64_t kept, int64_t reduced) const;
  template <class F>
  void each_unit(Team& team, F f) const;
  void few_moments(const float* x, int64_t rows, int64_t c0, int64_t c1, double* mean,
                   double* squares) const;
  void unit_moments(const Team& team, const float* x, int64_t unit, double* scratch) const;
  void merge(int64_t group, int64_t c0, int64_t c1, const double* scratch, double* mean,
             double* variance) const;

  const MomentKernels& kernels_;
  std::array<Axis, Dims::kMaxRank> outer_{};  // the first rank_: axes around the dense part
  size_t rank_ = 0;
  int64_t kept_outer_ = 1, reduced_outer_ = 1;
  bool columns_ = false;            // the last axis is kept
  int64_t rows_ = 1, cols_ = 1;     // the dense part; of one column: values in turn
  int64_t block_ = 1, blocks_ = 1;  // rows of a unit
};

}  // namespace ferry
