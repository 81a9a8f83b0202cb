// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/axis_moments.h"

#include <algorithm>

namespace ferry {
namespace {

constexpr int64_t kBlockValues = 8192;  // 32 KB: what stays in the first level between two passes
constexpr int64_t kSlice = 16 << 10;    // columns of a row between two looks at the deadline
constexpr int64_t kFewRows = 32;  // may vary by little, so that sums in fp32 cost digits that count

}  // namespace

AxisMoments::AxisMoments(const MomentKernels& kernels, const Dims& dims, const AxisFlags& reduced)
    : kernels_(kernels) {
  for (size_t a = 0; a < dims.size(); ++a) {
    const bool flag = reduced[a] != 0;
    if (dims[a] == 1) continue;
    if (rank_ > 0 && outer_[rank_ - 1].reduced == flag)
      outer_[rank_ - 1].size *= dims[a];
    else
      outer_[rank_++] = {dims[a], flag};
  }
  columns_ = rank_ > 0 && !outer_[rank_ - 1].reduced;
  if (columns_) cols_ = outer_[--rank_].size;
  if (rank_ > 0) rows_ = outer_[--rank_].size;
  for (size_t a = 0; a < rank_; ++a) {
    (outer_[a].reduced ? reduced_outer_ : kept_outer_) *= outer_[a].size;
  }
  block_ = columns_ ? std::clamp<int64_t>(kBlockValues / cols_, 1, kMaxSummedRows) : kBlockValues;
  blocks_ = (rows_ + block_ - 1) / block_;
}

int64_t AxisMoments::rows_of(int64_t unit) const {
  return std::min(block_, rows_ - unit % blocks_ * block_);
}

int64_t AxisMoments::start_of(int64_t unit) const {
  return (unit / blocks_ * rows_ + unit % blocks_ * block_) * cols_;
}

int64_t AxisMoments::kept_of(int64_t outer) const {
  int64_t kept = 0, stride = 1;
  for (size_t a = rank_; a-- > 0;) {
    if (!outer_[a].reduced) {
      kept += outer % outer_[a].size * stride;
      stride *= outer_[a].size;
    }
    outer /= outer_[a].size;
  }
  return kept;
}

int64_t AxisMoments::outer_of(int64_t kept, int64_t reduced) const {
  int64_t outer = 0, stride = 1;
  for (size_t a = rank_; a-- > 0;) {
    int64_t& index = outer_[a].reduced ? reduced : kept;
    outer += index % outer_[a].size * stride;
    index /= outer_[a].size;
    stride *= outer_[a].size;
  }
  return outer;
}

template <class F>
void AxisMoments::each_unit(Team& team, F f) const {
  parallel_range(team, units(), units() * std::min(block_, rows_) * cols_ >= kMinParallelValues,
                 [&](int64_t from, int64_t to, int) {
                   for (int64_t u = from; u < to; ++u) f(u);
                 });
}

// Of columns [c0, c1) of few rows: mean and sum of squares about it, in double.
void AxisMoments::few_moments(const float* x, int64_t rows, int64_t c0, int64_t c1, double* mean,
                              double* squares) const {
  std::fill(mean + c0, mean + c1, 0.0);
  std::fill(squares + c0, squares + c1, 0.0);
  const auto each = [&](auto&& f) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = c0; c < c1; ++c) f(c, static_cast<double>(x[r * cols_ + c]));
    }
  };
  each([&](int64_t c, double v) { mean[c] += v; });
  for (int64_t c = c0; c < c1; ++c) mean[c] /= static_cast<double>(rows);
  each([&](int64_t c, double v) { squares[c] += (v - mean[c]) * (v - mean[c]); });
}

// Mean and sum of squares about it, cols_ of each.
void AxisMoments::unit_moments(const Team& team, const float* x, int64_t unit,
                               double* scratch) const {
  const int64_t rows = rows_of(unit);
  const auto count = static_cast<double>(rows);
  double *mean = scratch + unit * 3 * cols_, *squares = mean + cols_;
  if (rows_ <= kFewRows) {
    team.in_slices(0, cols_, kSlice, [&](int64_t c0, int64_t c1) {
      few_moments(x + start_of(unit), rows, c0, c1, mean, squares);
    });
    return;
  }
  if (!columns_) {
    kernels_.moments(x + start_of(unit), rows, mean, squares);
    *squares *= count;
    return;
  }
  auto* centre = reinterpret_cast<float*>(squares + cols_);
  kernels_.column_sums(x + start_of(unit), rows, cols_, mean);
  for (int64_t c = 0; c < cols_; ++c) centre[c] = static_cast<float>(mean[c] / count);
  kernels_.column_deviations(x + start_of(unit), rows, cols_, centre, mean, squares);
  for (int64_t c = 0; c < cols_; ++c) {
    const double low = mean[c] / count;
    mean[c] = static_cast<double>(centre[c]) + low;
    squares[c] = std::max(0.0, squares[c] - count * low * low);
  }
}

// Columns [c0, c1) of the units of one group, always in the same order.
void AxisMoments::merge(int64_t group, int64_t c0, int64_t c1, const double* scratch, double* mean,
                        double* variance) const {
  const auto total = static_cast<double>(rows_ * reduced_outer_);
  const auto each = [&](auto&& f) {
    for (int64_t r = 0; r < reduced_outer_; ++r) {
      const int64_t first = outer_of(group, r) * blocks_;
      for (int64_t u = first; u < first + blocks_; ++u) {
        f(scratch + u * 3 * cols_, static_cast<double>(rows_of(u)));
      }
    }
  };
  std::fill(mean + c0, mean + c1, 0.0);
  std::fill(variance + c0, variance + c1, 0.0);
  each([&](const double* unit, double count) {
    for (int64_t c = c0; c < c1; ++c) mean[c] += unit[c] * count;
  });
  for (int64_t c = c0; c < c1; ++c) mean[c] /= total;
  each([&](const double* unit, double count) {
    for (int64_t c = c0; c < c1; ++c) {
      const double d = unit[c] - mean[c];
      variance[c] += unit[cols_ + c] + count * d * d;
    }
  });
  for (int64_t c = c0; c < c1; ++c) variance[c] /= total;
}

void AxisMoments::compute(Team& team, const float* x, double* scratch, double* mean,
                          double* variance) const {
  each_unit(team, [&](int64_t unit) { unit_moments(team, x, unit, scratch); });
  parallel_range(team, kept_outer_, units() * cols_ >= kMinParallelValues,
                 [&](int64_t from, int64_t to, int) {
                   for (int64_t g = from; g < to; ++g) {
                     team.in_slices(0, cols_, kSlice, [&](int64_t c0, int64_t c1) {
                       merge(g, c0, c1, scratch, mean + g * cols_, variance + g * cols_);
                     });
                   }
                 });
}

void AxisMoments::apply(Team& team, const float* x, float* y, const MomentLines& m) const {
  each_unit(team, [&](int64_t unit) {
    const int64_t at = start_of(unit), i = kept_of(unit / blocks_) * cols_;
    if (columns_ && cols_ > kSlice) {
      for (int64_t r = 0; r < rows_of(unit); ++r) {
        team.in_slices(0, cols_, kSlice, [&](int64_t c0, int64_t c1) {
          const int64_t from = at + r * cols_ + c0, line = i + c0;
          kernels_.column_affine(x + from, y + from, 1, c1 - c0, m.high + line, m.low + line,
                                 m.slope + line, m.bias + line);
        });
      }
    } else if (columns_) {
      kernels_.column_affine(x + at, y + at, rows_of(unit), cols_, m.high + i, m.low + i,
                             m.slope + i, m.bias + i);
    } else {
      const double mean = static_cast<double>(m.high[i]) + static_cast<double>(m.low[i]);
      kernels_.affine(x + at, y + at, rows_of(unit), mean, m.slope[i], m.bias[i]);
    }
  });
}

}  // namespace ferry
