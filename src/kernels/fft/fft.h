// SPDX-License-Identifier: Apache-2.0
// One pass of a Fourier transform in fp32 (Stockham's form, which needs no reordering), over lines
// that lie side by side: real and imaginary parts in arrays of their own.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

// A transform of n = radix * m * (what passes before this one did) points. `s`: side by side, the
// lines times the radices before.
struct FftPass {
  int64_t n = 0, radix = 0, m = 0, s = 0;
  const float* cosines = nullptr;  // exp(-+2 pi j k / n) for k in [0, n)
  const float* sines = nullptr;
  bool inverse = false;
};

inline constexpr int64_t kMaxFftRadix = 64;

struct FftKernels {
  // y[(radix p + k) s + q] = w^(p k) sum over j of x[(p + m j) s + q] exp(-+2 pi i j k / radix),
  // where w = exp(-+2 pi i / (radix m)). A radix is 4 or a prime up to kMaxFftRadix.
  void (*pass)(const FftPass& pass, const float* x_re, const float* x_im, float* y_re,
               float* y_im) noexcept;
};
FERRY_DECLARE_ISA_TABLE(FftKernels, kFftKernels)

const FftKernels& fft_kernels(Isa isa) noexcept;

}  // namespace ferry
