// SPDX-License-Identifier: Apache-2.0
#include "ops/math/fft.h"

#include <algorithm>
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

Result<Fft> Fft::make(EvalContext& c, int64_t n, bool inverse) {
  Fft fft;
  fft.n_ = n;
  fft.inverse_ = inverse;
  FERRY_ASSIGN_OR_RETURN(fft.roots_, FftLine::make(c, n));
  FERRY_ASSIGN_OR_RETURN(fft.line_, FftLine::make(c, n));
  return fft;
}

Status Fft::make_roots(PollEvery& polls) {
  const double unit = (inverse_ ? 2 : -2) * 3.14159265358979323846 / static_cast<double>(n_);
  for (; known_roots_ < n_; ++known_roots_) {
    FERRY_RETURN_IF_ERROR(polls.spend(64));
    const auto k = static_cast<double>(known_roots_);
    roots_[static_cast<size_t>(known_roots_)] = std::polar(1.0, unit * k);
  }
  return {};
}

Status Fft::run(PollEvery& polls, const std::complex<double>* in, std::complex<double>* out) {
  FERRY_RETURN_IF_ERROR(make_roots(polls));
  FERRY_RETURN_IF_ERROR(transform(polls, in, 1, out, n_));
  if (!inverse_) return {};
  return in_pieces(polls, n_, 4, [&](int64_t from, int64_t to) {
    for (int64_t k = from; k < to; ++k) out[k] /= static_cast<double>(n_);
  });
}

Status Fft::transform(PollEvery& polls, const std::complex<double>* in, int64_t stride,
                      std::complex<double>* out, int64_t n) {
  if (n == 1) {
    *out = *in;
    return polls.spend(8);
  }
  // out[q + m s] = sum over r of w^(r (q + m s)) part_r[q], the parts being every p-th element.
  const int64_t p = smallest_factor(n), m = n / p, step = n_ / n;
  for (int64_t r = 0; r < p; ++r) {
    FERRY_RETURN_IF_ERROR(transform(polls, in + r * stride, stride * p, out + r * m, m));
  }
  for (int64_t q = 0; q < m; ++q) {
    for (int64_t s = 0; s < p; ++s) {
      const int64_t k = q + m * s;
      std::complex<double> sum = out[q];
      FERRY_RETURN_IF_ERROR(in_pieces(polls, p, 8, [&](int64_t from, int64_t to) {
        for (int64_t r = std::max<int64_t>(from, 1); r < to; ++r) {
          sum += out[q + r * m] * roots_[static_cast<size_t>(r * k % n * step)];
        }
      }));
      line_[static_cast<size_t>(s)] = sum;
    }
    FERRY_RETURN_IF_ERROR(in_pieces(polls, p, 1, [&](int64_t from, int64_t to) {
      for (int64_t s = from; s < to; ++s) out[q + m * s] = line_[static_cast<size_t>(s)];
    }));
  }
  return {};
}

}  // namespace ferry
