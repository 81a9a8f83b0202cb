// SPDX-License-Identifier: Apache-2.0
// Fourier transforms of several lines at once in fp32: the passes for one length, and what turns
// half a transform of pairs into the spectrum of real lines.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/fft/fft.h"

namespace ferry {

class FftPlan {
 public:
  // `length` >= 1. A real transform of even length is one of half as many complex values.
  FftPlan(int64_t length, bool inverse, bool real);

  // False when a prime factor is larger than kernels have.
  static bool can(int64_t length);

  int64_t length() const { return length_; }
  bool inverse() const { return inverse_; }
  // Whether line values 2 i and 2 i + 1 are the parts of point i.
  bool pairs() const { return pairs_; }
  // Complex points that run() transforms.
  int64_t points() const { return pairs_ ? length_ / 2 : length_; }

  // Transforms `lines` lines side by side (point i of line l at i * lines + l), twice
  // points() * lines floats each in `x` and `y`: real parts, then imaginary ones. Returns the
  // one that holds the result.
  float* run(const FftKernels& kernels, int64_t lines, float* x, float* y) const;

  // Coefficient k in [0, length] of line l of what run() returned.
  struct Value {
    float re, im;
  };
  Value coefficient(const float* result, int64_t lines, int64_t l, int64_t k) const;

 private:
  int64_t length_;
  bool inverse_, pairs_;
  std::vector<int64_t> radices_;
  std::vector<float> cosines_, sines_;            // of points()
  std::vector<float> real_cosines_, real_sines_;  // of length_, when pairs
};

}  // namespace ferry
