// SPDX-License-Identifier: Apache-2.0
// Fourier transforms in fp32 over lines that lie side by side, real and imaginary parts in arrays
// of their own: point i of line l at i * lines + l. Passes are in Stockham's form, which needs no
// reordering.
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
  int64_t root_step = 0;  // n / (radix m)
  bool inverse = false;
};

// Where the values of `lanes` lines are read: those of complex points alternate (parts 2), else
// imaginary parts become zero.
struct FftRead {
  const float* const* lines = nullptr;
  int64_t values = 0;
  int parts = 2;
  const float* window = nullptr;  // factors of the values; may be absent
};

// Where complex points of `used` of `lanes` lines are written. Points from `rows` on mirror those
// before `length`.
struct FftWrite {
  float* const* lines = nullptr;
  int64_t used = 0, points = 0, rows = 0, length = 0;
  float factor = 1;
};

inline constexpr int64_t kMaxFftRadix = 64;
// Floats that arrays have beyond their points: kernels read and write whole vectors there.
inline constexpr int64_t kFftSlack = 16 * 16;

struct FftKernels {
  int lanes;  // lines that read(), unpair() and write() take
  // Up to 15 points after the values become zero.
  void (*read)(const FftRead& from, float* re, float* im) noexcept;
  // Any number of lines:
  // y[(radix p + k) s + q] = w^(p k) sum over j of x[(p + m j) s + q] exp(-+2 pi i j k / radix),
  // where w = exp(-+2 pi i / (radix m)). A radix is 4 or a prime up to kMaxFftRadix.
  void (*pass)(const FftPass& pass, const float* x_re, const float* x_im, float* y_re,
               float* y_im) noexcept;
  // In place: points 0 to n, one more than there were, of the spectrum of 2 n real values, whose
  // pairs were the n complex points transformed. cosines, sines: exp(-pi i k / n).
  void (*unpair)(int64_t n, const float* cosines, const float* sines, float* re,
                 float* im) noexcept;
  void (*write)(const FftWrite& to, const float* re, const float* im) noexcept;
};
FERRY_DECLARE_ISA_TABLE(FftKernels, kFftKernels)

const FftKernels& fft_kernels(Isa isa) noexcept;

}  // namespace ferry
