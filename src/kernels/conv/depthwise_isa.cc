// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/depthwise.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// Pixels per tile. Together with a row of weights and the pixel in flight they fill 16 registers at
// a kernel width of 7, and give the multiply-add units eight independent sums.
constexpr int kPixels = 8;

// Output pixels of a row whose whole window lies inside the image.
struct Interior {
  int64_t first, last;
  FERRY_INLINE explicit Interior(const DepthwiseRow& r) {
    const int64_t reach = (r.kernel_w - 1) * r.dilation_w;
    first = smaller((r.pad_w + r.stride_w - 1) / r.stride_w, r.out_w);
    const int64_t room = r.in_w - 1 - reach + r.pad_w;
    last = room < 0 ? 0 : smaller(room / r.stride_w + 1, r.out_w);
    last = larger(first, last);
  }
};

// The mask is of use only where kFull is false; a full vector is cheaper to move without one.
template <bool kFull>
FERRY_INLINE F32 load_part(const float* p, Mask m) {
  if constexpr (kFull) return load(p);
  return load(p, m);
}

template <bool kFull>
FERRY_INLINE F32 start(const DepthwiseRow& r, int64_t pixel, int64_t c, Mask m) {
  return r.accumulate ? load_part<kFull>(r.y + pixel * r.y_pitch + c, m) : zero();
}

template <bool kFull>
FERRY_INLINE void finish(const DepthwiseRow& r, F32 sum, int64_t pixel, int64_t c, Mask m) {
  if (r.bias != nullptr) sum = sum + load_part<kFull>(r.bias + c, m);
  if (r.residual != nullptr)
    sum = sum + load_part<kFull>(r.residual + pixel * r.residual_pitch + c, m);
  sum = min(splat(r.hi), max(splat(r.lo), sum));
  float* out = r.y + pixel * r.y_pitch + c;
  if constexpr (kFull) {
    store(out, sum);
  } else {
    store(out, sum, m);
  }
}

// The kernel rows that lie inside the image, with their weights.
struct Rows {
  static constexpr int kMost = 32;
  const float* x[kMost];
  const float* weights[kMost];
  int64_t count;
  FERRY_INLINE explicit Rows(const DepthwiseRow& r) : count(0) {
    for (int64_t i = 0; i < r.row_count; ++i) {
      if (r.rows[i] == nullptr) continue;
      x[count] = r.rows[i] - r.pad_w * r.x_pitch;
      weights[count++] = r.weights + i * r.kernel_w * r.weights_pitch;
    }
  }
};

template <int kRows, int kWidth, bool kFull>
struct Window {
  const DepthwiseRow& r;
  const Rows& rows;
  int64_t c;
  Mask m;
  F32 bias, lo, hi;
  // Held in registers when the number of rows is known; otherwise re-read for every tile.
  F32 w[larger(kRows, 1)][kWidth];

  FERRY_INLINE Window(const DepthwiseRow& row, const Rows& inside, int64_t channel, Mask mask)
      : r(row), rows(inside), c(channel), m(mask) {
    bias = r.bias == nullptr ? zero() : load_part<kFull>(r.bias + c, m);
    lo = splat(r.lo), hi = splat(r.hi);
    FERRY_UNROLL
    for (int i = 0; i < kRows; ++i) load_weights(i, w[i]);
  }
  FERRY_INLINE void load_weights(int64_t i, F32 (&to)[kWidth]) const {
    FERRY_UNROLL
    for (int k = 0; k < kWidth; ++k) to[k] = load(rows.weights[i] + c + k * r.weights_pitch);
  }
};

// One row of the window under kCount pixels: every input vector is loaded once.
template <int kCount, int kStride, int kWidth, bool kFull>
FERRY_INLINE void add_row(F32 (&acc)[kCount], const F32 (&w)[kWidth], const float* x, int64_t pitch,
                          Mask m) {
  FERRY_UNROLL
  for (int j = 0; j < (kCount - 1) * kStride + kWidth; ++j) {
    const F32 v = load_part<kFull>(x, m);
    x += pitch;
    FERRY_UNROLL
    for (int p = 0; p < kCount; ++p) {
      const int k = j - p * kStride;
      if (k >= 0 && k < kWidth) acc[p] = fma(v, w[k], acc[p]);
    }
  }
}

template <int kCount, int kStride, int kRows, int kWidth, bool kFull>
FERRY_INLINE void window_tile(const Window<kRows, kWidth, kFull>& window, int64_t pixel) {
  const DepthwiseRow& r = window.r;
  F32 acc[kCount];
  FERRY_UNROLL
  for (int p = 0; p < kCount; ++p) acc[p] = zero();
  float* y = r.y + pixel * r.y_pitch + window.c;
  if (r.accumulate) [[unlikely]] {
    FERRY_UNROLL
    for (int p = 0; p < kCount; ++p) acc[p] = load_part<kFull>(y + p * r.y_pitch, window.m);
  }
  const int64_t offset = pixel * kStride * r.x_pitch + window.c;
  if constexpr (kRows > 0) {
    FERRY_UNROLL
    for (int i = 0; i < kRows; ++i) {
      add_row<kCount, kStride, kWidth, kFull>(acc, window.w[i], window.rows.x[i] + offset,
                                              r.x_pitch, window.m);
    }
  } else {
    for (int64_t i = 0; i < window.rows.count; ++i) {
      F32 w[kWidth];
      window.load_weights(i, w);
      add_row<kCount, kStride, kWidth, kFull>(acc, w, window.rows.x[i] + offset, r.x_pitch,
                                              window.m);
    }
  }
  FERRY_UNROLL
  for (int p = 0; p < kCount; ++p) acc[p] = acc[p] + window.bias;
  if (r.residual != nullptr) [[unlikely]] {
    const float* residual = r.residual + pixel * r.residual_pitch + window.c;
    FERRY_UNROLL
    for (int p = 0; p < kCount; ++p) {
      acc[p] = acc[p] + load_part<kFull>(residual + p * r.residual_pitch, window.m);
    }
  }
  FERRY_UNROLL
  for (int p = 0; p < kCount; ++p) {
    const F32 out = min(window.hi, max(window.lo, acc[p]));
    if constexpr (kFull) {
      store(y, out);
    } else {
      store(y, out, window.m);
    }
    y += r.y_pitch;
  }
}

template <int kCount, int kWidth, int kStride, int kRows>
[[gnu::noinline]] void window_pixels(const DepthwiseRow& r, const Rows& rows,
                                     int64_t pixel) noexcept {
  int64_t c = r.c0;
  for (; c + kLanes <= r.c1; c += kLanes) {
    window_tile<kCount, kStride>(Window<kRows, kWidth, true>(r, rows, c, first_n(kLanes)), pixel);
  }
  if (c < r.c1)
    window_tile<kCount, kStride>(Window<kRows, kWidth, false>(r, rows, c, first_n(r.c1 - c)),
                                 pixel);
}

template <int kWidth, int kStride, int kRows>
void window_rows(const DepthwiseRow& r, const Rows& rows, Interior in) noexcept {
  int64_t p = in.first;
  for (; p + kPixels <= in.last; p += kPixels)
    window_pixels<kPixels, kWidth, kStride, kRows>(r, rows, p);
  if (p + 4 <= in.last) {
    window_pixels<4, kWidth, kStride, kRows>(r, rows, p);
    p += 4;
  }
  if (p + 2 <= in.last) {
    window_pixels<2, kWidth, kStride, kRows>(r, rows, p);
    p += 2;
  }
  if (p < in.last) window_pixels<1, kWidth, kStride, kRows>(r, rows, p);
}

template <int kWidth, int kStride>
void window_row(const DepthwiseRow& r, Interior in) noexcept {
  const Rows rows(r);
  if constexpr (kWidth == 3 && kLanes == 16) {
    if (rows.count == 3) return window_rows<kWidth, kStride, 3>(r, rows, in);
  }
  window_rows<kWidth, kStride, 0>(r, rows, in);
}

// Taps of a kernel row that lie inside the image for one output pixel.
struct Taps {
  int64_t first, last;
  FERRY_INLINE Taps(const DepthwiseRow& r, int64_t pixel) {
    const int64_t x = pixel * r.stride_w - r.pad_w, d = r.dilation_w;
    first = x >= 0 ? 0 : smaller((-x + d - 1) / d, r.kernel_w);
    last = x >= r.in_w ? first : larger(first, smaller((r.in_w - x + d - 1) / d, r.kernel_w));
  }
};

// One pixel at the side of the image, kVectors vectors of channels, each its own group.
template <int kVectors, bool kFull>
FERRY_INLINE void side_tile(const DepthwiseRow& r, Taps taps, int64_t pixel, int64_t c, Mask m) {
  F32 acc[kVectors];
  FERRY_UNROLL
  for (int v = 0; v < kVectors; ++v) acc[v] = start<kFull>(r, pixel, c + v * kLanes, m);
  for (int64_t i = 0; i < r.row_count; ++i) {
    if (r.rows[i] == nullptr) continue;
    const float* x = r.rows[i] + (pixel * r.stride_w - r.pad_w) * r.x_pitch + c;
    for (int64_t k = taps.first; k < taps.last; ++k) {
      const float* w = r.weights + (i * r.kernel_w + k) * r.weights_pitch + c;
      FERRY_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        const F32 in = load_part<kFull>(x + k * r.dilation_w * r.x_pitch + v * kLanes, m);
        acc[v] = fma(in, load(w + v * kLanes), acc[v]);
      }
    }
  }
  FERRY_UNROLL
  for (int v = 0; v < kVectors; ++v) finish<kFull>(r, acc[v], pixel, c + v * kLanes, m);
}

void side_pixels(const DepthwiseRow& r, int64_t first, int64_t last) noexcept {
  const Mask full = first_n(kLanes);
  for (int64_t p = first; p < last; ++p) {
    const Taps taps(r, p);
    int64_t c = r.c0;
    for (; c + 4 * kLanes <= r.c1; c += 4 * kLanes) side_tile<4, true>(r, taps, p, c, full);
    for (; c + kLanes <= r.c1; c += kLanes) side_tile<1, true>(r, taps, p, c, full);
    if (c < r.c1) side_tile<1, false>(r, taps, p, c, first_n(r.c1 - c));
  }
}

// How the input channels of one output vector are fetched.
struct Lanes {
  I32 index;  // channel of the group 0, per lane, from `base` on
  int64_t base;
  Mask mask;  // of the output channels
  int64_t
      span;  // input channels from base on that any lane needs, for the first channel of the group
  bool identity;  // one input channel per output channel, in order

  FERRY_INLINE Lanes(const DepthwiseRow& r, int64_t c) {
    const int64_t count = smaller<int64_t>(r.c1 - c, kLanes);
    mask = first_n(count);
    identity = r.group_in == 1 && r.group_out == 1;
    base = c / r.group_out * r.group_in;
    int32_t lanes[kLanes];
    int64_t group = 0, within = c % r.group_out;
    for (int i = 0; i < kLanes; ++i) {
      lanes[i] = static_cast<int32_t>(group * r.group_in);
      if (i + 1 < count && ++within == r.group_out) within = 0, ++group;
    }
    index = load(lanes);
    span = lanes[kLanes - 1] + 1;
  }
};

FERRY_INLINE F32 fetch(const Lanes& lanes, const float* pixel, int64_t channel) {
  const float* x = pixel + lanes.base + channel;
  if (lanes.identity) return load(x, lanes.mask);
  if (lanes.span <= kLanes) return permute(load_n(x, lanes.span), lanes.index);
  return gather(x, lanes.index);
}

// kCount pixels, any kernel width, stride and dilation.
template <int kCount>
FERRY_INLINE void any_tile(const DepthwiseRow& r, const Lanes& lanes, Taps taps, int64_t pixel,
                           int64_t c) {
  F32 acc[kCount];
  FERRY_UNROLL
  for (int p = 0; p < kCount; ++p) acc[p] = start<false>(r, pixel + p, c, lanes.mask);
  const int64_t step = r.stride_w * r.x_pitch;
  for (int64_t i = 0; i < r.row_count; ++i) {
    if (r.rows[i] == nullptr) continue;
    for (int64_t k = taps.first; k < taps.last; ++k) {
      const float* x = r.rows[i] + (pixel * r.stride_w - r.pad_w + k * r.dilation_w) * r.x_pitch;
      const float* w = r.weights + (i * r.kernel_w + k) * r.group_in * r.weights_pitch + c;
      for (int64_t channel = 0; channel < r.group_in; ++channel) {
        const F32 weight = load(w + channel * r.weights_pitch);
        FERRY_UNROLL
        for (int p = 0; p < kCount; ++p) {
          acc[p] = fma(fetch(lanes, x + p * step, channel), weight, acc[p]);
        }
      }
    }
  }
  FERRY_UNROLL
  for (int p = 0; p < kCount; ++p) finish<false>(r, acc[p], pixel + p, c, lanes.mask);
}

void any_row(const DepthwiseRow& r, Interior in) noexcept {
  const Taps all = {r, in.first};
  for (int64_t c = r.c0; c < r.c1; c += kLanes) {
    const Lanes lanes(r, c);
    for (int64_t p = 0; p < in.first; ++p) any_tile<1>(r, lanes, Taps(r, p), p, c);
    int64_t p = in.first;
    for (; p + 6 <= in.last; p += 6) any_tile<6>(r, lanes, all, p, c);
    for (; p < in.last; ++p) any_tile<1>(r, lanes, all, p, c);
    for (p = in.last; p < r.out_w; ++p) any_tile<1>(r, lanes, Taps(r, p), p, c);
  }
}

void row(const DepthwiseRow& r) noexcept {
  const Interior in(r);
  const bool plain =
      r.group_in == 1 && r.group_out == 1 && r.dilation_w == 1 && r.row_count <= Rows::kMost;
  const int64_t kind = plain && r.kernel_w < 8 && r.stride_w < 3 ? r.kernel_w * 10 + r.stride_w : 0;
  void (*window)(const DepthwiseRow&, Interior) noexcept = nullptr;
  switch (kind) {
    case 31:
      window = window_row<3, 1>;
      break;
    case 32:
      window = window_row<3, 2>;
      break;
    case 51:
      window = window_row<5, 1>;
      break;
    case 52:
      window = window_row<5, 2>;
      break;
    case 71:
      window = window_row<7, 1>;
      break;
    case 72:
      window = window_row<7, 2>;
      break;
    default:
      return any_row(r, in);
  }
  side_pixels(r, 0, in.first);
  window(r, in);
  side_pixels(r, in.last, r.out_w);
}

}  // namespace

extern const DepthwiseKernels kDepthwise = {row};

}  // namespace ferry::FERRY_ISA
