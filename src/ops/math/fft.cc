// SPDX-License-Identifier: Apache-2.0
#include "ops/math/fft.h"

#include <cmath>

#include "base/status.h"

namespace ferry {
namespace {

int64_t smallest_factor(int64_t n) {
  for (int64_t p = 2; p * p <= n; ++p) {
    if (n % p == 0) return p;
  }
  return n;
}

}  // namespace

Fft::Fft(int64_t n, bool inverse) : n_(n), inverse_(inverse), line_(static_cast<size_t>(n)) {
  roots_.reserve(static_cast<size_t>(n));
}

Status Fft::make_roots(PollEvery& polls) {
  const double unit = (inverse_ ? 2 : -2) * 3.14159265358979323846 / static_cast<double>(n_);
  for (auto k = static_cast<int64_t>(roots_.size()); k < n_; ++k) {
    FERRY_RETURN_IF_ERROR(polls.spend(64));
    roots_.push_back(std::polar(1.0, unit * static_cast<double>(k)));
  }
  return {};
}

Status Fft::run(PollEvery& polls, const std::complex<double>* in, std::complex<double>* out) {
  FERRY_RETURN_IF_ERROR(make_roots(polls));
  FERRY_RETURN_IF_ERROR(transform(polls, in, 1, out, n_));
  if (!inverse_) return {};
  for (int64_t k = 0; k < n_; ++k) out[k] /= static_cast<double>(n_);
  return {};
}

Status Fft::transform(PollEvery& polls, const std::complex<double>* in, int64_t stride,
                      std::complex<double>* out, int64_t n) {
  if (n == 1) {
    *out = *in;
    return {};
  }
  // out[q + m s] = sum over r of w^(r (q + m s)) part_r[q], the parts being every p-th element.
  const int64_t p = smallest_factor(n), m = n / p, step = n_ / n;
  for (int64_t r = 0; r < p; ++r) {
    FERRY_RETURN_IF_ERROR(transform(polls, in + r * stride, stride * p, out + r * m, m));
  }
  for (int64_t q = 0; q < m; ++q) {
    for (int64_t s = 0; s < p; ++s) {
      FERRY_RETURN_IF_ERROR(polls.spend(8 * p));
      const int64_t k = q + m * s;
      std::complex<double> sum = out[q];
      for (int64_t r = 1; r < p; ++r) {
        sum += out[q + r * m] * roots_[static_cast<size_t>(r * k % n * step)];
      }
      line_[static_cast<size_t>(s)] = sum;
    }
    for (int64_t s = 0; s < p; ++s) out[q + m * s] = line_[static_cast<size_t>(s)];
  }
  return {};
}

}  // namespace ferry
