// SPDX-License-Identifier: Apache-2.0
// Output pixels that are weighted sums of a few input pixels, the same for many planes: worked out
// once, then applied plane by plane.
#pragma once

#include <array>
#include <span>

#include "ops/image/axis_sampler.h"

namespace ferry {

class SampleTile {
 public:
  static constexpr int kMostAxes = 3;
  static constexpr int64_t kMostPixels = 256;

  // Pixels that a tile of so many inputs per pixel holds.
  static int64_t pixels(int64_t taps) { return std::min(kMostPixels, kRoom / taps); }

  // `taps` inputs per pixel: 1, or a power of 2 or 4, as apply() has it.
  void clear(int64_t taps) {
    taps_ = taps;
    count_ = inside_ = 0;
  }
  // The next pixel, the product of what each axis reads; dims of a plane are `in`.
  void add(std::span<const SampleTaps> axes, const Dims& in) {
    const int64_t base = count_ * taps_;
    int32_t* offset = offset_.data() + base;
    float* weight = weight_.data() + base;
    bool inside = true;
    if (axes.size() == 2 && axes[0].count == 2 && axes[1].count == 2) {
      for (size_t k = 0; k < 4; ++k) {
        const int64_t row = axes[0].index[k / 2], column = axes[1].index[k % 2];
        const bool zero = row < 0 || column < 0;
        offset[k] = zero ? -1 : static_cast<int32_t>(row * in[1] + column);
        weight[k] = static_cast<float>(axes[0].weight[k / 2] * axes[1].weight[k % 2]);
        inside = inside && !zero;
      }
      return count_in(inside);
    }
    double product[64];
    product[0] = 1;
    offset[0] = 0;
    int64_t n = 1;
    for (size_t a = 0; a < axes.size(); ++a) {
      const SampleTaps& t = axes[a];
      // From behind, so that what is still read lies before what is written.
      for (int64_t i = n; i-- > 0;) {
        const int32_t before = offset[i];
        const double w = product[i];
        for (int64_t k = t.count; k-- > 0;) {
          const bool zero = before < 0 || t.index[k] < 0;
          offset[i * t.count + k] = zero ? -1 : static_cast<int32_t>(before * in[a] + t.index[k]);
          product[i * t.count + k] = w * t.weight[k];
          inside = inside && !zero;
        }
      }
      n *= t.count;
    }
    for (int64_t i = 0; i < n; ++i) weight[i] = static_cast<float>(product[i]);
    count_in(inside);
  }

  // y[i] = pixel i of plane x.
  void apply(const float* x, float* y) const {
    switch (taps_) {
      case 1:
        return apply_taps<1>(x, y);
      case 2:
        return apply_taps<2>(x, y);
      case 4:
        return apply_taps<4>(x, y);
      case 8:
        return apply_taps<8>(x, y);
      case 16:
        return apply_taps<16>(x, y);
      default:
        return apply_taps<64>(x, y);
    }
  }

 private:
  static constexpr int64_t kRoom = 4096;

  // Pixels that read no zeros come first, the others from the end.
  void count_in(bool inside) {
    const auto at = static_cast<size_t>(inside ? inside_++ : kMostPixels - 1 - (count_ - inside_));
    order_[at] = static_cast<int32_t>(count_++);
  }

  template <int kTaps>
  void apply_taps(const float* x, float* y) const {
    for (int64_t j = 0; j < inside_; ++j) {
      const int64_t i = order_[static_cast<size_t>(j)];
      const int32_t* offset = offset_.data() + i * kTaps;
      const float* weight = weight_.data() + i * kTaps;
      float sum = x[offset[0]];
      if constexpr (kTaps > 1) {
        sum *= weight[0];
        for (int k = 1; k < kTaps; ++k) sum += x[offset[k]] * weight[k];
      }
      y[i] = sum;
    }
    for (int64_t j = kMostPixels - (count_ - inside_); j < kMostPixels; ++j) {
      const int64_t i = order_[static_cast<size_t>(j)];
      float sum = 0;
      for (int64_t k = i * kTaps; k < (i + 1) * kTaps; ++k) {
        const auto at = static_cast<size_t>(k);
        if (offset_[at] >= 0) sum += kTaps == 1 ? x[offset_[at]] : x[offset_[at]] * weight_[at];
      }
      y[i] = sum;
    }
  }

  int64_t taps_ = 1, count_ = 0, inside_ = 0;
  std::array<int32_t, kRoom> offset_;
  std::array<float, kRoom> weight_;
  std::array<int32_t, kMostPixels> order_;
};

}  // namespace ferry
