// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool/pool.h"

#include <algorithm>

namespace ferry {
namespace {

int64_t ceil_of(int64_t a, int64_t b) { return a <= 0 ? 0 : (a + b - 1) / b; }

// The taps of one axis that lie in the image, for output position `o`.
struct Span {
  int64_t first = 0;  // input position of the first one
  int64_t count = 0;
  int64_t padded = 0;  // taps in the padded image

  Span(const PoolShape& s, int a, int64_t o) {
    const int64_t start = o * s.stride[a] - s.pad[a], d = s.dilation[a];
    const int64_t from = ceil_of(-start, d);
    count = std::max<int64_t>(0, std::min(s.kernel[a], ceil_of(s.in[a] - start, d)) - from);
    first = start + from * d;
    padded = std::min(s.kernel[a], ceil_of(s.in[a] + s.pad_end[a] - start, d));
  }
};

}  // namespace

void pool_rows(Isa isa, const PoolShape& s, const float* x, float* y, int64_t row0,
               int64_t row1) noexcept {
  const PoolKernels& kernels = FERRY_SELECT_ISA_TABLE(isa, kPoolKernels);
  const int64_t pixel = s.x_pitch, line = s.in[2] * pixel, plane = s.in[1] * line;
  const float* taps[PoolShape::kMaxTaps];
  for (int64_t row = row0; row < row1; ++row) {
    const Span h(s, 1, row % s.out[1]), d(s, 0, row / s.out[1] % s.out[0]);
    const float* image = x + row / (s.out[1] * s.out[0]) * s.in[0] * plane;
    float* to = y + row * s.out[2] * s.y_pitch;
    for (int64_t o = 0; o < s.out[2]; ++o, to += s.y_pitch) {
      const Span w(s, 2, o);
      int64_t n = 0;
      for (int64_t i = 0; i < d.count; ++i) {
        for (int64_t j = 0; j < h.count; ++j) {
          const float* at = image + (d.first + i * s.dilation[0]) * plane +
                            (h.first + j * s.dilation[1]) * line + w.first * pixel;
          for (int64_t k = 0; k < w.count; ++k) taps[n++] = at + k * s.dilation[2] * pixel;
        }
      }
      if (s.max) {
        kernels.maximum(taps, n, to, s.channels);
      } else {
        const int64_t divisor = s.count_padding ? d.padded * h.padded * w.padded : n;
        kernels.mean(taps, n, to, s.channels, static_cast<float>(divisor));
      }
    }
  }
}

}  // namespace ferry
