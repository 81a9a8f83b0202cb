// SPDX-License-Identifier: Apache-2.0
// Fft: a discrete Fourier transform of any length in double, by recursion over the prime factors.
#pragma once

#include <complex>
#include <cstdint>

#include "ops/in_pieces.h"
#include "ops/working_array.h"

namespace ferry {

using FftLine = WorkingArray<std::complex<double>>;

class Fft {
 public:
  // n >= 1. Errors: kOutOfMemory.
  static Result<Fft> make(EvalContext& c, int64_t n, bool inverse);
  int64_t size() const { return n_; }
  // out[k] = sum over i of in[i] exp(-2 pi j k i / n); inverse: the other sign, divided by n.
  Status run(PollEvery& polls, const std::complex<double>* in, std::complex<double>* out);

 private:
  Status make_roots(PollEvery& polls);
  Status transform(PollEvery& polls, const std::complex<double>* in, int64_t stride,
                   std::complex<double>* out, int64_t n);

  int64_t n_ = 1, known_roots_ = 0;
  bool inverse_ = false;
  FftLine roots_;  // exp(-+2 pi j k / n)
  FftLine line_;
};

}  // namespace ferry
