// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/fft_plan.h"

#include <cmath>
#include <utility>

namespace ferry {
namespace {

// exp(-+2 pi i k / n) for k in [0, n).
void make_roots(int64_t n, bool inverse, std::vector<float>& cosines, std::vector<float>& sines) {
  const double unit = (inverse ? 2 : -2) * 3.14159265358979323846 / static_cast<double>(n);
  cosines.resize(static_cast<size_t>(n));
  sines.resize(static_cast<size_t>(n));
  for (int64_t k = 0; k < n; ++k) {
    cosines[static_cast<size_t>(k)] = static_cast<float>(std::cos(unit * static_cast<double>(k)));
    sines[static_cast<size_t>(k)] = static_cast<float>(std::sin(unit * static_cast<double>(k)));
  }
}

}  // namespace

FftPlan::FftPlan(int64_t length, bool inverse, bool real)
    : length_(length), inverse_(inverse), pairs_(real && !inverse && length % 2 == 0) {
  int64_t n = points();
  for (; n % 4 == 0; n /= 4) radices_.push_back(4);
  for (int64_t p = 2; n > 1; ++p) {
    for (; n % p == 0; n /= p) radices_.push_back(p);
  }
  make_roots(points(), inverse, cosines_, sines_);
  if (pairs_) make_roots(length, inverse, pair_cosines_, pair_sines_);
}

bool FftPlan::can(int64_t length) {
  for (int64_t p = 2; p <= kMaxFftRadix; ++p) {
    while (length % p == 0) length /= p;
  }
  return length == 1;
}

float* FftPlan::run(const FftKernels& kernels, int64_t lines, float* x, float* y) const {
  FftPass pass{points(), 0, points(), lines, cosines_.data(), sines_.data(), 1, inverse_};
  const int64_t size = rows() * lines;
  for (int64_t radix : radices_) {
    pass.radix = radix;
    pass.m /= radix;
    kernels.pass(pass, x, x + size, y, y + size);
    pass.s *= radix;
    pass.root_step *= radix;
    std::swap(x, y);
  }
  if (pairs_) {
    kernels.unpair(points(), lines, pair_cosines_.data(), pair_sines_.data(), x, x + size);
  }
  return x;
}

}  // namespace ferry
