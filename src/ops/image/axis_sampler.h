// SPDX-License-Identifier: Apache-2.0
// Which elements along one axis a normalised coordinate of GridSample reads.
#pragma once

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "ops/image/grid_sample.h"

namespace ferry {

enum class Interpolation : uint8_t { kNearest, kLinear, kCubic };
enum class SamplePadding : uint8_t { kZeros, kBorder, kReflection };

struct SampleModes {
  Interpolation interpolation;
  SamplePadding padding;
};

inline Result<SampleModes> sample_modes(const GridSample& op) {
  SampleModes m{};
  if (op.mode == "nearest")
    m.interpolation = Interpolation::kNearest;
  else if (op.mode == "linear")
    m.interpolation = Interpolation::kLinear;
  else if (op.mode == "cubic")
    m.interpolation = Interpolation::kCubic;
  else
    return invalid_model("attribute 'mode' is '{}', wanted is linear, nearest or cubic", op.mode);
  if (op.padding_mode == "zeros")
    m.padding = SamplePadding::kZeros;
  else if (op.padding_mode == "border")
    m.padding = SamplePadding::kBorder;
  else if (op.padding_mode == "reflection")
    m.padding = SamplePadding::kReflection;
  else {
    return invalid_model("attribute 'padding_mode' is '{}', wanted is zeros, border or reflection",
                         op.padding_mode);
  }
  return m;
}

// x mirrored at `low` and `high` until it is between them.
inline double reflect(double x, double low, double high) {
  const double range = high - low;
  if (!(range > 0)) return low;
  const double r = std::fmod(std::fabs(x - low), 2 * range);
  return low + (r <= range ? r : 2 * range - r);
}

// The inputs along one axis that make up one output.
struct SampleTaps {
  int count = 1;
  int64_t index[4] = {};  // -1: a zero
  double weight[4] = {1, 1, 1, 1};
};

inline void cubic_weights(double t, double* w) {
  constexpr double a = -0.75;
  const auto far = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  const auto near = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  w[0] = far(t + 1);
  w[1] = near(t);
  w[2] = near(1 - t);
  w[3] = far(2 - t);
}

class AxisSampler {
 public:
  AxisSampler(SampleModes modes, bool align_corners, int64_t size)
      : modes_(modes), align_(align_corners), size_(size) {
    low_ = align_ ? 0 : -0.5;
    high_ = double(size) - (align_ ? 1 : 0.5);
  }

  // C is the type in which the normalised coordinate is scaled.
  template <class C>
  SampleTaps taps(C normalised) const {
    const C n = static_cast<C>(size_);
    const C scaled = align_ ? (normalised + 1) / 2 * (n - 1) : ((normalised + 1) * n - 1) / 2;
    double x = double(scaled);
    if (modes_.interpolation == Interpolation::kNearest) x = std::nearbyint(x);
    x = inside(x);
    SampleTaps t;
    if (modes_.interpolation == Interpolation::kNearest) {
      t.index[0] = pixel(static_cast<int64_t>(x));
      return t;
    }
    const double floor = std::floor(x), rest = x - floor;
    auto first = static_cast<int64_t>(floor);
    if (modes_.interpolation == Interpolation::kLinear) {
      t.count = 2;
      t.weight[0] = 1 - rest;
      t.weight[1] = rest;
    } else {
      t.count = 4;
      cubic_weights(rest, t.weight);
      --first;
    }
    for (int k = 0; k < t.count; ++k) t.index[k] = pixel(first + k);
    return t;
  }

 private:
  // A position near the input that samples the same; never NaN.
  double inside(double x) const {
    const double top = double(size_);
    switch (modes_.padding) {
      case SamplePadding::kZeros:
        return x > -8 ? std::min(x, top + 8) : -8;
      case SamplePadding::kBorder:
        if (x >= low_ && x <= high_) return x;
        // Each pixel of a cubic is moved to the border, not the position: so PyTorch defines it.
        if (modes_.interpolation == Interpolation::kCubic) {
          return x > -8 ? std::min(x, top + 8) : -8;
        }
        return x > 0 ? std::min(x, top - 1) : 0;
      case SamplePadding::kReflection:
        if (x >= low_ && x <= high_) return x;
        return std::isfinite(x) ? reflect(x, low_, high_) : 0;
    }
    return 0;
  }
  int64_t pixel(int64_t i) const {
    if (i >= 0 && i < size_) return i;
    switch (modes_.padding) {
      case SamplePadding::kZeros:
        return -1;
      case SamplePadding::kBorder:
        break;
      case SamplePadding::kReflection:
        i = static_cast<int64_t>(reflect(double(i), low_, high_));
        break;
    }
    return std::clamp<int64_t>(i, 0, size_ - 1);
  }

  SampleModes modes_;
  bool align_;
  int64_t size_;
  double low_, high_;
};

}  // namespace ferry
