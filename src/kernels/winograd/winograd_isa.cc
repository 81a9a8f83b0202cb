// SPDX-License-Identifier: Apache-2.0
// The transforms, after Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015),
// with the points 0, +-1, +-2, +-1/2 and infinity as far as each size needs. Points of opposite
// sign share their even and odd parts. The input's transform follows from the points, the output's
// from the number of outputs besides: m, and one more where the kernel has two taps.
#include "kernels/vec.h"
#include "kernels/winograd/winograd.h"

namespace ferry::FERRY_ISA {
namespace {

template <int kSize>
struct Input;
template <int kM>
struct Output;

template <>
struct Input<4> {
  FERRY_INLINE static void transform(const F32 (&d)[4], F32 (&o)[4]) {
    o[0] = d[0] - d[2];
    o[1] = d[1] + d[2];
    o[2] = d[2] - d[1];
    o[3] = d[1] - d[3];
  }
};

template <>
struct Input<6> {
  FERRY_INLINE static void transform(const F32 (&d)[6], F32 (&o)[6]) {
    const F32 two = splat(2), four = splat(4), five = splat(5);
    o[0] = fnma(five, d[2], four * d[0]) + d[4];
    const F32 even1 = fnma(four, d[2], d[4]), odd1 = fnma(four, d[1], d[3]);
    o[1] = even1 + odd1;
    o[2] = even1 - odd1;
    const F32 even2 = d[4] - d[2], odd2 = d[3] - d[1];
    o[3] = fma(two, odd2, even2);
    o[4] = fnma(two, odd2, even2);
    o[5] = fnma(five, d[3], four * d[1]) + d[5];
  }
};

template <>
struct Input<8> {
  FERRY_INLINE static void transform(const F32 (&d)[8], F32 (&o)[8]) {
    const F32 c525 = splat(5.25f), c425 = splat(4.25f), c25 = splat(2.5f), c125 = splat(1.25f);
    const F32 quarter = splat(0.25f), half = splat(0.5f), two = splat(2), four = splat(4);
    o[0] = fma(d[4] - d[2], c525, d[0] - d[6]);
    const F32 even1 = fnma(d[4], c425, d[2] + d[6]), odd1 = fnma(d[3], c425, d[1] + d[5]);
    o[1] = even1 + odd1;
    o[2] = even1 - odd1;
    const F32 even2 = fnma(d[4], c125, fma(d[2], quarter, d[6]));
    const F32 odd2 = fma(d[5], two, fnma(d[3], c25, d[1] * half));
    o[3] = even2 + odd2;
    o[4] = even2 - odd2;
    const F32 even3 = fma(fnma(d[4], c125, d[2]), four, d[6]);
    const F32 odd3 = fma(d[5], half, fnma(d[3], c25, d[1] * two));
    o[5] = even3 + odd3;
    o[6] = even3 - odd3;
    o[7] = fma(d[3] - d[5], c525, d[7] - d[1]);
  }
};

template <>
struct Output<2> {
  static constexpr int kSize = 4;
  FERRY_INLINE static void transform(const F32 (&m)[4], F32 (&o)[2]) {
    o[0] = m[0] + m[1] + m[2];
    o[1] = m[1] - m[2] - m[3];
  }
};

template <>
struct Output<3> {
  static constexpr int kSize = 4;
  FERRY_INLINE static void transform(const F32 (&m)[4], F32 (&o)[3]) {
    const F32 sum = m[1] + m[2];
    o[0] = m[0] + sum;
    o[1] = m[1] - m[2];
    o[2] = sum - m[3];
  }
};

template <>
struct Output<4> {
  static constexpr int kSize = 6;
  FERRY_INLINE static void transform(const F32 (&m)[6], F32 (&o)[4]) {
    const F32 sum1 = m[1] + m[2], difference1 = m[1] - m[2];
    const F32 sum2 = m[3] + m[4], difference2 = m[3] - m[4];
    o[0] = m[0] + sum1 + sum2;
    o[1] = fma(splat(2), difference2, difference1);
    o[2] = fma(splat(4), sum2, sum1);
    o[3] = fma(splat(8), difference2, difference1) + m[5];
  }
};

template <>
struct Output<5> {
  static constexpr int kSize = 6;
  FERRY_INLINE static void transform(const F32 (&m)[6], F32 (&o)[5]) {
    const F32 sum1 = m[1] + m[2], difference1 = m[1] - m[2];
    const F32 sum2 = m[3] + m[4], difference2 = m[3] - m[4];
    o[0] = m[0] + sum1 + sum2;
    o[1] = fma(splat(2), difference2, difference1);
    o[2] = fma(splat(4), sum2, sum1);
    o[3] = fma(splat(8), difference2, difference1);
    o[4] = fma(splat(16), sum2, sum1) + m[5];
  }
};

template <>
struct Output<6> {
  static constexpr int kSize = 8;
  FERRY_INLINE static void transform(const F32 (&m)[8], F32 (&o)[6]) {
    const F32 sum1 = m[1] + m[2], difference1 = m[1] - m[2];
    const F32 sum2 = m[3] + m[4], difference2 = m[3] - m[4];
    const F32 sum3 = m[5] + m[6], difference3 = m[5] - m[6];
    o[0] = m[0] + sum1 + (sum2 + sum3);
    o[1] = fma(splat(2), difference2, fma(splat(0.5f), difference3, difference1));
    o[2] = fma(splat(4), sum2, fma(splat(0.25f), sum3, sum1));
    o[3] = fma(splat(8), difference2, fma(splat(0.125f), difference3, difference1));
    o[4] = fma(splat(16), sum2, fma(splat(0.0625f), sum3, sum1));
    o[5] = fma(splat(32), difference2, fma(splat(0.03125f), difference3, difference1)) + m[7];
  }
};

// Top left output pixel of a tile.
struct Corner {
  int64_t image, y, x;
};
FERRY_INLINE Corner corner_of(const WinogradTiles& t, int64_t tile) {
  const int64_t row = tile / t.tiles_w, set = row / t.tiles_h;
  const int64_t sets = t.sets_h * t.sets_w;
  return {set / sets, row % t.tiles_h * t.tile * t.dilation_h + set % sets / t.sets_w,
          tile % t.tiles_w * t.tile * t.dilation_w + set % t.sets_w};
}

// f(0) ... f(kCount - 1): side by side, or one after the other where the vectors of a tile are so
// many that they lie in memory either way, as without wide registers.
template <int kCount, class F>
FERRY_INLINE void for_each_line(const F& f) {
  if constexpr (kCount <= 6 && FERRY_ISA_LEVEL > 0) {
    FERRY_UNROLL
    for (int i = 0; i < kCount; ++i) f(i);
  } else {
    for (int i = 0; i < kCount; ++i) f(i);
  }
}

// One vector of channels of one tile. kInside: no pixel is outside the image.
template <int kSize, bool kInside, bool kFull>
FERRY_INLINE void input_channels(const WinogradTiles& t, const float* image, int64_t y, int64_t x,
                                 int64_t c, Mask mask, float* out) {
  F32 rows[kSize][kSize];
  for_each_line<kSize>([&](int j) {
    F32 d[kSize], o[kSize];
    FERRY_UNROLL
    for (int i = 0; i < kSize; ++i) {
      const int64_t h = y + i * t.dilation_h, w = x + j * t.dilation_w;
      const float* p = image + (h * t.in_w + w) * t.x_pitch + c;
      const bool inside = kInside || (h >= 0 && h < t.in_h && w >= 0 && w < t.in_w);
      d[i] = !inside ? zero() : kFull ? load(p) : load(p, mask);
    }
    Input<kSize>::transform(d, o);
    FERRY_UNROLL
    for (int i = 0; i < kSize; ++i) rows[i][j] = o[i];
  });
  for_each_line<kSize>([&](int i) {
    F32 o[kSize];
    Input<kSize>::transform(rows[i], o);
    FERRY_UNROLL
    for (int j = 0; j < kSize; ++j) store(out + (i * kSize + j) * t.v_point_stride, o[j]);
  });
}

template <int kSize, bool kInside>
[[gnu::noinline]] void input_tile(const WinogradTiles& t, Corner corner, float* out) noexcept {
  const float* image = t.x + corner.image * t.in_h * t.in_w * t.x_pitch;
  const int64_t y = corner.y - t.pad_h, x = corner.x - t.pad_w;
  int64_t c = 0;
  for (; c + kLanes <= t.channels; c += kLanes) {
    input_channels<kSize, kInside, true>(t, image, y, x, c, first_n(kLanes), out + c);
  }
  if (c < t.channels)
    input_channels<kSize, kInside, false>(t, image, y, x, c, first_n(t.channels - c), out + c);
}

template <int kSize>
void input(const WinogradTiles& t) noexcept {
  for (int64_t i = 0; i < t.count; ++i) {
    const Corner corner = corner_of(t, t.first + i);
    const int64_t y = corner.y - t.pad_h, x = corner.x - t.pad_w;
    float* out = t.v + i * t.v_pitch;
    if (y >= 0 && x >= 0 && y + (kSize - 1) * t.dilation_h < t.in_h &&
        x + (kSize - 1) * t.dilation_w < t.in_w) {
      input_tile<kSize, true>(t, corner, out);
    } else {
      input_tile<kSize, false>(t, corner, out);
    }
  }
}

// kWhole: the tile does not reach over the edge of the output.
template <int kM, bool kWhole, bool kFull>
FERRY_INLINE void output_channels(const WinogradTiles& t, Corner corner, const float* m, int64_t c,
                                  Mask mask) {
  constexpr int kSize = Output<kM>::kSize;
  F32 columns[kM][kSize];
  for_each_line<kSize>([&](int j) {
    F32 d[kSize], o[kM];
    FERRY_UNROLL
    for (int i = 0; i < kSize; ++i) d[i] = load(m + (i * kSize + j) * t.m_point_stride);
    Output<kM>::transform(d, o);
    FERRY_UNROLL
    for (int i = 0; i < kM; ++i) columns[i][j] = o[i];
  });
  const F32 bias = t.bias == nullptr ? zero() : kFull ? load(t.bias + c) : load(t.bias + c, mask);
  const F32 lo = splat(t.lo), hi = splat(t.hi);
  const int64_t first = (corner.image * t.out_h + corner.y) * t.out_w + corner.x;
  for_each_line<kM>([&](int i) {
    if (!kWhole && corner.y + i * t.dilation_h >= t.out_h) return;
    F32 o[kM];
    Output<kM>::transform(columns[i], o);
    FERRY_UNROLL
    for (int j = 0; j < kM; ++j) {
      if (!kWhole && corner.x + j * t.dilation_w >= t.out_w) break;
      const int64_t pixel = first + i * t.dilation_h * t.out_w + j * t.dilation_w;
      float* y = t.y + pixel * t.y_pitch + c;
      F32 sum = o[j] + bias;
      if (t.residual != nullptr) {
        const float* r = t.residual + pixel * t.residual_pitch + c;
        sum = sum + (kFull ? load(r) : load(r, mask));
      }
      sum = min(hi, max(lo, sum));
      if constexpr (kFull) {
        store(y, sum);
      } else {
        store(y, sum, mask);
      }
    }
  });
}

template <int kM, bool kWhole>
[[gnu::noinline]] void output_tile(const WinogradTiles& t, Corner corner, const float* m) noexcept {
  int64_t c = 0;
  for (; c + kLanes <= t.outputs; c += kLanes) {
    output_channels<kM, kWhole, true>(t, corner, m + c, c, first_n(kLanes));
  }
  if (c < t.outputs)
    output_channels<kM, kWhole, false>(t, corner, m + c, c, first_n(t.outputs - c));
}

template <int kM>
void output(const WinogradTiles& t) noexcept {
  for (int64_t i = 0; i < t.count; ++i) {
    const Corner corner = corner_of(t, t.first + i);
    if (corner.y + (kM - 1) * t.dilation_h < t.out_h &&
        corner.x + (kM - 1) * t.dilation_w < t.out_w) {
      output_tile<kM, true>(t, corner, t.m + i * t.m_pitch);
    } else {
      output_tile<kM, false>(t, corner, t.m + i * t.m_pitch);
    }
  }
}

}  // namespace

extern const WinogradKernels kWinograd = {
    .f2 = {input<4>, output<2>},
    .f3 = {input<4>, output<3>},
    .f4 = {input<6>, output<4>},
    .f5 = {input<6>, output<5>},
    .f6 = {input<8>, output<6>},
};

}  // namespace ferry::FERRY_ISA
