// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/fft_plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/status.h"

namespace ferry {
namespace {

// exp(-+2 pi i k / n) for k in [0, n).
Status make_roots_of(int64_t n, bool inverse, PollEvery& polls, std::vector<float>& cosines,
                     std::vector<float>& sines) {
  const double unit = (inverse ? 2 : -2) * 3.14159265358979323846 / static_cast<double>(n);
  cosines.resize(static_cast<size_t>(n));
  sines.resize(static_cast<size_t>(n));
  for (int64_t k = 0; k < n; ++k) {
    FERRY_RETURN_IF_ERROR(polls.spend(64));
    cosines[static_cast<size_t>(k)] = static_cast<float>(std::cos(unit * static_cast<double>(k)));
    sines[static_cast<size_t>(k)] = static_cast<float>(std::sin(unit * static_cast<double>(k)));
  }
  return {};
}

}  // namespace

FftPlan::FftPlan(int64_t length, bool inverse, bool real)
    : length_(length), inverse_(inverse), pairs_(real && !inverse && length % 2 == 0) {
  int64_t n = points();
  for (; n % 4 == 0; n /= 4) radices_.push_back(4);
  for (int64_t p = 2; n > 1; ++p) {
    for (; n % p == 0; n /= p) radices_.push_back(p);
  }
}

Status FftPlan::make_roots(PollEvery polls) {
  FERRY_RETURN_IF_ERROR(make_roots_of(points(), inverse_, polls, cosines_, sines_));
  if (!pairs_) return {};
  return make_roots_of(length_, inverse_, polls, pair_cosines_, pair_sines_);
}

bool FftPlan::can(int64_t length) {
  if (length > kMostPoints) return false;
  for (int64_t p = 2; p <= kMaxFftRadix; ++p) {
    while (length % p == 0) length /= p;
  }
  return length == 1;
}

float* FftPlan::run(const FftKernels& kernels, const Team& team, int64_t lines, float* x,
                    float* y) const {
  FftPass pass{points(), 0, points(), lines, cosines_.data(), sines_.data(), 1, inverse_};
  const int64_t size = room(lines);
  const auto passes = static_cast<int64_t>(radices_.size());
  const bool is_short = points() * lines <= kMostPoints / 16;
  team.in_slices(0, passes, is_short ? passes : 1, [&](int64_t from, int64_t to) {
    for (; from < to; ++from) {
      pass.radix = radices_[static_cast<size_t>(from)];
      pass.m /= pass.radix;
      kernels.pass(pass, x, x + size, y, y + size);
      pass.s *= pass.radix;
      pass.root_step *= pass.radix;
      std::swap(x, y);
    }
  });
  if (!pairs_) return x;
  if (lines == kernels.lanes)
    kernels.unpair(points(), pair_cosines_.data(), pair_sines_.data(), x, x + size);
  else
    unpair(lines, x, x + size);
  return x;
}

// As FftKernels::unpair, of fewer lines.
void FftPlan::unpair(int64_t lines, float* re, float* im) const {
  const int64_t n = points();
  std::copy_n(re, lines, re + n * lines);
  std::copy_n(im, lines, im + n * lines);
  for (int64_t k = 0; k <= n / 2; ++k) {
    const float c = pair_cosines_[static_cast<size_t>(k)], s = pair_sines_[static_cast<size_t>(k)];
    for (int64_t l = 0; l < lines; ++l) {
      const int64_t a = k * lines + l, b = (n - k) * lines + l;
      const float even_re = 0.5f * (re[a] + re[b]), even_im = 0.5f * (im[a] - im[b]);
      const float x = 0.5f * (im[a] + im[b]), y = 0.5f * (re[b] - re[a]);
      const float odd_re = c * x - s * y, odd_im = c * y + s * x;
      re[a] = even_re + odd_re;
      im[a] = even_im + odd_im;
      re[b] = even_re - odd_re;
      im[b] = odd_im - even_im;
    }
  }
}

}  // namespace ferry
