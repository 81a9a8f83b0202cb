// SPDX-License-Identifier: Apache-2.0
// Fourier transforms of several lines at once in fp32: the passes for one length, and what turns
// half a transform of pairs into the spectrum of real lines.
#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/fft/fft.h"
#include "ops/poll_every.h"

namespace ferry {

class FftPlan {
 public:
  // `length` >= 1. A real transform of even length is one of half as many complex values.
  FftPlan(int64_t length, bool inverse, bool real);
  // Before the first run.
  Status make_roots(PollEvery polls);

  // False when a prime factor is larger than kernels have, or the line longer than what passes over
  // between two looks at a deadline.
  static bool can(int64_t length);
  static constexpr int64_t kMostPoints = 1 << 20;

  int64_t length() const { return length_; }
  bool inverse() const { return inverse_; }
  // Whether line values 2 i and 2 i + 1 are the parts of point i.
  bool pairs() const { return pairs_; }
  // Complex points that run() transforms.
  int64_t points() const { return pairs_ ? length_ / 2 : length_; }
  // Points that run() returns: of real lines the first half of the spectrum and the point after it,
  // which the others mirror.
  int64_t rows() const { return pairs_ ? points() + 1 : length_; }

  // Floats for one part of `lines` lines.
  int64_t room(int64_t lines) const { return rows() * lines + kFftSlack; }

  // Transforms `lines` lines side by side (point i of line l at i * lines + l), twice room(lines)
  // floats each in `x` and `y`: real parts, then imaginary ones. Returns the one that holds the
  // result, which an inverse has not divided by the length. Looks at the deadline between passes.
  float* run(const FftKernels& kernels, const Team& team, int64_t lines, float* x, float* y) const;

 private:
  void unpair(int64_t lines, float* re, float* im) const;

  int64_t length_;
  bool inverse_, pairs_;
  std::vector<int64_t> radices_;
  std::vector<float> cosines_, sines_;            // of points()
  std::vector<float> pair_cosines_, pair_sines_;  // of length_, when pairs
};

}  // namespace ferry
