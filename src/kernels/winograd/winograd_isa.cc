// SPDX-License-Identifier: Apache-2.0
// The transforms, after Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015),
// with the points 0, +-1, +-2, +-1/2 and infinity as far as each size needs. Points of opposite
// sign share their even and odd parts. The input's transform follows from the points, the output's
// from the number of outputs besides.
#include "kernels/vec.h"
#include "kernels/winograd/winograd.h"

namespace ferry::FERRY_ISA {
namespace {

template <int kSize>
struct Input;

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

// Row k of the output's transform: the points to the power of k, and infinity in the last row.
template <int kSize>
struct Output {
  static constexpr int kPairs = kSize / 2 - 1;
  F32 sum[kPairs], difference[kPairs];
  F32 zero_point, infinity;

  FERRY_INLINE explicit Output(const F32 (&m)[kSize]) {
    FERRY_UNROLL
    for (int p = 0; p < kPairs; ++p) {
      sum[p] = m[1 + 2 * p] + m[2 + 2 * p];
      difference[p] = m[1 + 2 * p] - m[2 + 2 * p];
    }
    zero_point = m[0], infinity = m[kSize - 1];
  }
  FERRY_INLINE F32 row(int k, int last) const {
    const F32(&x)[kPairs] = k % 2 == 0 ? sum : difference;
    F32 y = x[0];
    if constexpr (kPairs > 1) y = fma(splat(static_cast<float>(1 << k)), x[1], y);
    if constexpr (kPairs > 2) y = fma(splat(1.0f / static_cast<float>(1 << k)), x[2], y);
    if (k == 0) y = y + zero_point;
    if (k == last) y = kSize == 4 ? y - infinity : y + infinity;
    return y;
  }
};

// Top left output pixels of consecutive tiles.
struct Corner {
  int64_t image, y, x;

  FERRY_INLINE Corner(const WinogradTiles& t, int64_t tile) {
    const int64_t rows = tile / t.tiles_w, sets = rows / t.tiles_h;
    column_ = tile % t.tiles_w, row_ = rows % t.tiles_h;
    set_ = sets % (t.sets_h * t.sets_w), image = sets / (t.sets_h * t.sets_w);
    place(t);
  }
  FERRY_INLINE void next(const WinogradTiles& t) {
    if (++column_ < t.tiles_w) {
      x += t.tile_w * t.dilation_w;
      return;
    }
    column_ = 0;
    if (++row_ == t.tiles_h) {
      row_ = 0;
      if (++set_ == t.sets_h * t.sets_w) ++image, set_ = 0;
    }
    place(t);
  }

 private:
  FERRY_INLINE void place(const WinogradTiles& t) {
    y = row_ * t.tile_h * t.dilation_h;
    x = column_ * t.tile_w * t.dilation_w;
    if (set_ > 0) y += set_ / t.sets_w, x += set_ % t.sets_w;
  }
  int64_t column_, row_, set_;
};

// f(0) ... f(kCount - 1): side by side, or one after the other where the vectors of a tile with
// kSize points a side are so many that they lie in memory either way, as without wide registers.
template <int kCount, int kSize, class F>
FERRY_INLINE void for_each_line(const F& f) {
  if constexpr (kSize <= 6 && FERRY_ISA_LEVEL > 0) {
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
  for_each_line<kSize, kSize>([&](int j) {
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
  for_each_line<kSize, kSize>([&](int i) {
    F32 o[kSize];
    Input<kSize>::transform(rows[i], o);
    FERRY_UNROLL
    for (int j = 0; j < kSize; ++j) store(out + (i * kSize + j) * t.v_point_stride, o[j]);
  });
}

template <int kSize, bool kInside>
[[gnu::noinline]] void input_tile(const WinogradTiles& t, const Corner& corner,
                                  float* out) noexcept {
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
  Corner corner(t, t.first);
  for (int64_t i = 0; i < t.count; ++i, corner.next(t)) {
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

// One vector of channels of an output.
template <bool kFull>
FERRY_INLINE void finish(const WinogradTiles& t, F32 sum, F32 bias, int64_t pixel, int64_t c,
                         Mask mask) {
  float* y = t.y + pixel * t.y_pitch + c;
  sum = sum + bias;
  if (t.residual != nullptr) {
    const float* r = t.residual + pixel * t.residual_pitch + c;
    sum = sum + (kFull ? load(r) : load(r, mask));
  }
  sum = min(splat(t.hi), max(splat(t.lo), sum));
  if constexpr (kFull) {
    store(y, sum);
  } else {
    store(y, sum, mask);
  }
}

// kWhole: the tile does not reach over the edge of the output.
template <int kM, int kSize, bool kWhole, bool kFull>
FERRY_INLINE void output_channels(const WinogradTiles& t, const Corner& corner, const float* m,
                                  int64_t c, Mask mask) {
  F32 columns[kM][kSize];
  for_each_line<kSize, kSize>([&](int j) {
    F32 d[kSize];
    FERRY_UNROLL
    for (int i = 0; i < kSize; ++i) d[i] = load(m + (i * kSize + j) * t.m_point_stride);
    const Output<kSize> o(d);
    FERRY_UNROLL
    for (int i = 0; i < kM; ++i) columns[i][j] = o.row(i, kM - 1);
  });
  const F32 bias = t.bias == nullptr ? zero() : kFull ? load(t.bias + c) : load(t.bias + c, mask);
  const int64_t first = (corner.image * t.out_h + corner.y) * t.out_w + corner.x;
  for_each_line<kM, kSize>([&](int i) {
    if (!kWhole && corner.y + i * t.dilation_h >= t.out_h) return;
    const Output<kSize> o(columns[i]);
    FERRY_UNROLL
    for (int j = 0; j < kM; ++j) {
      if (!kWhole && corner.x + j * t.dilation_w >= t.out_w) break;
      const int64_t pixel = first + i * t.dilation_h * t.out_w + j * t.dilation_w;
      finish<kFull>(t, o.row(j, kM - 1), bias, pixel, c, mask);
    }
  });
}

template <int kM, int kSize, bool kWhole>
[[gnu::noinline]] void output_tile(const WinogradTiles& t, const Corner& corner,
                                   const float* m) noexcept {
  int64_t c = 0;
  for (; c + kLanes <= t.outputs; c += kLanes) {
    output_channels<kM, kSize, kWhole, true>(t, corner, m + c, c, first_n(kLanes));
  }
  if (c < t.outputs) {
    output_channels<kM, kSize, kWhole, false>(t, corner, m + c, c, first_n(t.outputs - c));
  }
}

template <int kM, int kSize>
void output(const WinogradTiles& t) noexcept {
  Corner corner(t, t.first);
  for (int64_t i = 0; i < t.count; ++i, corner.next(t)) {
    if (corner.y + (kM - 1) * t.dilation_h < t.out_h &&
        corner.x + (kM - 1) * t.dilation_w < t.out_w) {
      output_tile<kM, kSize, true>(t, corner, t.m + i * t.m_pitch);
    } else {
      output_tile<kM, kSize, false>(t, corner, t.m + i * t.m_pitch);
    }
  }
}

// Pixels of a column.
template <int kSize, bool kFull>
FERRY_INLINE void input_line(const WinogradTiles& t, const float* pixel, int64_t y, int64_t step,
                             Mask mask, float* out) {
  F32 d[kSize], o[kSize];
  FERRY_UNROLL
  for (int i = 0; i < kSize; ++i) {
    const int64_t h = y + i * t.dilation_h;
    const bool inside = h >= 0 && h < t.in_h;
    d[i] = !inside ? zero() : kFull ? load(pixel + i * step) : load(pixel + i * step, mask);
  }
  Input<kSize>::transform(d, o);
  FERRY_UNROLL
  for (int i = 0; i < kSize; ++i) store(out + i * t.v_point_stride, o[i]);
}

template <int kSize>
void input_lines(const WinogradTiles& t) noexcept {
  Corner corner(t, t.first);
  const int64_t step = t.dilation_h * t.in_w * t.x_pitch;
  for (int64_t i = 0; i < t.count; ++i, corner.next(t)) {
    const int64_t y = corner.y - t.pad_h;
    const float* pixel = t.x + ((corner.image * t.in_h + y) * t.in_w + corner.x) * t.x_pitch;
    float* out = t.v + i * t.v_pitch;
    int64_t c = 0;
    for (; c + kLanes <= t.channels; c += kLanes)
      input_line<kSize, true>(t, pixel + c, y, step, first_n(kLanes), out + c);
    if (c < t.channels)
      input_line<kSize, false>(t, pixel + c, y, step, first_n(t.channels - c), out + c);
  }
}

template <int kSize, bool kFull>
FERRY_INLINE void output_line(const WinogradTiles& t, const Corner& corner, const float* m,
                              int64_t c, Mask mask) {
  F32 d[kSize];
  FERRY_UNROLL
  for (int i = 0; i < kSize; ++i) d[i] = load(m + i * t.m_point_stride);
  const Output<kSize> o(d);
  const F32 bias = t.bias == nullptr ? zero() : kFull ? load(t.bias + c) : load(t.bias + c, mask);
  const int64_t first = (corner.image * t.out_h + corner.y) * t.out_w + corner.x;
  const int last = static_cast<int>(t.tile_h) - 1;
  for (int k = 0; k <= last && corner.y + k * t.dilation_h < t.out_h; ++k) {
    finish<kFull>(t, o.row(k, last), bias, first + k * t.dilation_h * t.out_w, c, mask);
  }
}

template <int kSize>
void output_lines(const WinogradTiles& t) noexcept {
  Corner corner(t, t.first);
  for (int64_t i = 0; i < t.count; ++i, corner.next(t)) {
    const float* m = t.m + i * t.m_pitch;
    int64_t c = 0;
    for (; c + kLanes <= t.outputs; c += kLanes)
      output_line<kSize, true>(t, corner, m + c, c, first_n(kLanes));
    if (c < t.outputs) output_line<kSize, false>(t, corner, m + c, c, first_n(t.outputs - c));
  }
}

}  // namespace

extern const WinogradKernels kWinograd = {
    .f2 = {input<4>, output<2, 4>},
    .f3 = {input<4>, output<3, 4>},
    .f4 = {input<6>, output<4, 6>},
    .f5 = {input<6>, output<5, 6>},
    .f6 = {input<8>, output<6, 8>},
    .line4 = {input_lines<4>, output_lines<4>},
    .line6 = {input_lines<6>, output_lines<6>},
    .line8 = {input_lines<8>, output_lines<8>},
};

}  // namespace ferry::FERRY_ISA
