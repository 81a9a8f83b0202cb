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

// The kernel rows that lie inside the image, with their weights; each cut into parts of `width`
// taps and single taps.
struct Rows {
  static constexpr int kMost = 256;
  const float* x[kMost];
  const float* weights[kMost];
  int32_t first_tap[kMost], taps[kMost];
  int64_t count;
  FERRY_INLINE Rows(const DepthwiseRow& r, int64_t width) : count(0) {
    for (int64_t i = 0; i < r.row_count; ++i) {
      if (r.rows[i] == nullptr) continue;
      for (int64_t k = 0; k < r.kernel_w; k += taps[count++]) {
        x[count] = r.rows[i] + (k - r.pad_w) * r.x_pitch;
        weights[count] = r.weights + (i * r.kernel_w + k) * r.weights_pitch;
        first_tap[count] = static_cast<int32_t>(k);
        taps[count] = static_cast<int32_t>(r.kernel_w - k >= width ? width : 1);
      }
    }
  }
};

// kRows of a window: the number of kernel rows, each one part, or
constexpr int kAnyRows = 0;  // any number of them
constexpr int kParts = -1;   // any number, of several parts

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
  template <int kTaps>
  FERRY_INLINE void load_weights(int64_t i, F32 (&to)[kTaps]) const {
    FERRY_UNROLL
    for (int k = 0; k < kTaps; ++k) to[k] = load(rows.weights[i] + c + k * r.weights_pitch);
  }
};

// Columns [first, last) of a tile's window lie inside the image.
struct Columns {
  int64_t first, last;
};

// One row of the window under kCount pixels: every input vector is loaded once.
template <int kCount, int kStride, int kWidth, bool kFull, bool kEdge>
FERRY_INLINE void add_row(F32 (&acc)[kCount], const F32 (&w)[kWidth], const float* x, int64_t pitch,
                          Mask m, Columns inside) {
  FERRY_UNROLL
  for (int j = 0; j < (kCount - 1) * kStride + kWidth; ++j, x += pitch) {
    if (kEdge && (j < inside.first || j >= inside.last)) continue;
    const F32 v = load_part<kFull>(x, m);
    FERRY_UNROLL
    for (int p = 0; p < kCount; ++p) {
      const int k = j - p * kStride;
      if (k >= 0 && k < kWidth) acc[p] = fma(v, w[k], acc[p]);
    }
  }
}

// The part i of the rows, of kTaps taps.
template <int kTaps, int kStride, bool kEdge, int kCount, int kRows, int kWidth, bool kFull>
FERRY_INLINE void add_part(F32 (&acc)[kCount], const Window<kRows, kWidth, kFull>& window,
                           int64_t i, int64_t offset, Columns inside) {
  const int64_t tap = kRows == kParts ? window.rows.first_tap[i] : 0;
  F32 w[kTaps];
  window.load_weights(i, w);
  add_row<kCount, kStride, kTaps, kFull, kEdge>(acc, w, window.rows.x[i] + offset, window.r.x_pitch,
                                                window.m, {inside.first - tap, inside.last - tap});
}

template <int kCount, int kStride, bool kEdge, int kRows, int kWidth, bool kFull>
FERRY_INLINE void window_tile(const Window<kRows, kWidth, kFull>& window, int64_t pixel) {
  const DepthwiseRow& r = window.r;
  const int64_t left = pixel * kStride - r.pad_w;
  const Columns inside = {-left, r.in_w - left};
  F32 acc[kCount];
  FERRY_UNROLL
  for (int p = 0; p < kCount; ++p) acc[p] = zero();
  float* y = r.y + pixel * r.y_pitch + window.c;
  const int64_t offset = pixel * kStride * r.x_pitch + window.c;
  if constexpr (kRows > 0) {
    FERRY_UNROLL
    for (int i = 0; i < kRows; ++i) {
      add_row<kCount, kStride, kWidth, kFull, kEdge>(acc, window.w[i], window.rows.x[i] + offset,
                                                     r.x_pitch, window.m, inside);
    }
  } else {
    for (int64_t i = 0; i < window.rows.count; ++i) {
      if (kRows == kParts && window.rows.taps[i] == 1)
        add_part<1, kStride, kEdge>(acc, window, i, offset, inside);
      else
        add_part<kWidth, kStride, kEdge>(acc, window, i, offset, inside);
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

// kWhole: tiles inside the image and full vectors of channels.
template <bool kWhole, int kCount, int kWidth, int kStride, int kRows>
[[gnu::noinline]] void window_pixels(const DepthwiseRow& r, const Rows& rows, int64_t pixel,
                                     int64_t c) noexcept {
  const int64_t end = kWhole ? r.c1 - kLanes + 1 : r.c1;
  for (; c < end; c += kLanes) {
    const Mask m = first_n(smaller<int64_t>(kLanes, r.c1 - c));
    const Window<kRows, kWidth, kWhole> window(r, rows, c, m);
    window_tile<kCount, kStride, !kWhole>(window, pixel);
  }
}

template <int kCount, int kWidth, int kStride, int kRows>
FERRY_INLINE void window_tiles(const DepthwiseRow& r, const Rows& rows, Interior in,
                               int64_t pixel) {
  int64_t c = r.c0;
  if (pixel >= in.first && pixel + kCount <= in.last) {
    window_pixels<true, kCount, kWidth, kStride, kRows>(r, rows, pixel, c);
    c = r.c1 - (r.c1 - c) % kLanes;
  }
  if (c < r.c1) {
    window_pixels<false, kCount, kWidth, kStride, kRows == kParts ? kParts : kAnyRows>(r, rows,
                                                                                       pixel, c);
  }
}

// Pixels [p, end). A tile may begin before the last one has ended, unless y is the residual.
template <int kWidth, int kStride, int kRows>
FERRY_INLINE void window_range(const DepthwiseRow& r, const Rows& rows, Interior in, int64_t p,
                               int64_t end) {
  const int64_t first = p;
  const auto back = [&](int64_t count) { return end - first >= count && !r.in_place(); };
  for (; end - p >= kPixels; p += kPixels) {
    window_tiles<kPixels, kWidth, kStride, kRows>(r, rows, in, p);
  }
  if (end - p > 4 && back(kPixels)) {
    return window_tiles<kPixels, kWidth, kStride, kRows>(r, rows, in, end - kPixels);
  }
  if (end - p >= 4) {
    window_tiles<4, kWidth, kStride, kRows>(r, rows, in, p);
    p += 4;
  }
  if (end - p > 1 && back(4)) {
    return window_tiles<4, kWidth, kStride, kRows>(r, rows, in, end - 4);
  }
  for (; p < end; ++p) window_tiles<1, kWidth, kStride, kRows>(r, rows, in, p);
}

// A single pixel at the side is best left alone; more share the windows of their neighbours.
template <int kWidth, int kStride, int kRows>
void window_rows(const DepthwiseRow& r, const Rows& rows, Interior in) noexcept {
  constexpr bool kAlone = kWidth == 3;
  const int64_t first = kAlone && in.first == 1 ? 1 : 0;
  const int64_t last = kAlone && r.out_w - in.last == 1 ? in.last : r.out_w;
  if (first == 1) window_tiles<1, kWidth, kStride, kRows>(r, rows, in, 0);
  window_range<kWidth, kStride, kRows>(r, rows, in, first, last);
  if (last < r.out_w) window_tiles<1, kWidth, kStride, kRows>(r, rows, in, last);
}

template <int kWidth, int kStride>
void window_row(const DepthwiseRow& r, Interior in) noexcept {
  const Rows rows(r, kWidth);
  if (r.kernel_w != kWidth) return window_rows<kWidth, kStride, kParts>(r, rows, in);
  if constexpr (kWidth == 3 && kLanes == 16) {
    if (rows.count == 3) return window_rows<kWidth, kStride, 3>(r, rows, in);
  }
  window_rows<kWidth, kStride, kAnyRows>(r, rows, in);
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

enum class Fetch {
  kSame,     // one input channel per output channel, in order
  kSplat,    // all lanes belong to one group
  kQuads,    // groups of two or four channels: from the same four lanes
  kPermute,  // from the vector that begins at the first lane's input
  kGather,
};

// How the input channels of one output vector are fetched.
struct Lanes {
  I32 index;  // channel of the group 0, per lane, from `base` on
  int64_t base;
  int64_t count;
  Mask mask;  // of the output channels
  int64_t
      span;  // input channels from base on that any lane needs, for the first channel of the group
  Fetch fetch;

  FERRY_INLINE Lanes(const DepthwiseRow& r, int64_t c) {
    count = smaller<int64_t>(r.c1 - c, kLanes);
    mask = first_n(count);
    base = c / r.group_out * r.group_in;
    int32_t lanes[kLanes];
    int64_t group = 0, within = c % r.group_out;
    for (int i = 0; i < kLanes; ++i) {
      lanes[i] = static_cast<int32_t>(group * r.group_in);
      if (i + 1 < count && ++within == r.group_out) within = 0, ++group;
    }
    index = load(lanes);
    span = lanes[kLanes - 1] + 1;
    const bool square = r.group_in == r.group_out;
    fetch = square && r.group_in == 1                        ? Fetch::kSame
            : r.group_out % kLanes == 0                      ? Fetch::kSplat
            : square && (r.group_in == 2 || r.group_in == 4) ? Fetch::kQuads
            : span <= kLanes                                 ? Fetch::kPermute
                                                             : Fetch::kGather;
  }
};

template <Fetch kFetch, bool kFull>
FERRY_INLINE F32 fetch(const Lanes& lanes, const float* pixel, int64_t channel) {
  const float* x = pixel + lanes.base;
  if constexpr (kFetch == Fetch::kSame) return load_part<kFull>(x, lanes.mask);
  if constexpr (kFetch == Fetch::kSplat) return splat(x[channel]);
  if constexpr (kFetch == Fetch::kPermute) {
    return permute(load_n(x + channel, lanes.span), lanes.index);
  }
  return gather(x + channel, lanes.index);
}

// One tap of groups of kChannels: every input vector is loaded once.
template <int kChannels, bool kFull, int kCount>
FERRY_INLINE void add_quads(F32 (&acc)[kCount], const DepthwiseRow& r, const Lanes& lanes,
                            const float* x, int64_t step, const float* w) {
  F32 weights[kChannels];
  I32 index[kChannels];
  FERRY_UNROLL
  for (int i = 0; i < kChannels; ++i) {
    weights[i] = load(w + i * r.weights_pitch);
    index[i] = lanes.index + splat_i(i);
  }
  x += lanes.base;
  FERRY_UNROLL
  for (int p = 0; p < kCount; ++p, x += step) {
    const F32 v = load_part<kFull>(x, lanes.mask);
    FERRY_UNROLL
    for (int i = 0; i < kChannels; ++i)
      acc[p] = fma(permute_in_quads(v, index[i]), weights[i], acc[p]);
  }
}

// kCount pixels, any kernel width, stride and dilation.
template <Fetch kFetch, bool kFull, int kCount>
FERRY_INLINE void any_tile(const DepthwiseRow& r, const Lanes& lanes, Taps taps, int64_t pixel,
                           int64_t c) {
  F32 acc[kCount];
  FERRY_UNROLL
  for (int p = 0; p < kCount; ++p) acc[p] = zero();
  const int64_t step = r.stride_w * r.x_pitch;
  for (int64_t i = 0; i < r.row_count; ++i) {
    if (r.rows[i] == nullptr) continue;
    for (int64_t k = taps.first; k < taps.last; ++k) {
      const float* x = r.rows[i] + (pixel * r.stride_w - r.pad_w + k * r.dilation_w) * r.x_pitch;
      const float* w = r.weights + (i * r.kernel_w + k) * r.group_in * r.weights_pitch + c;
      if constexpr (kFetch == Fetch::kQuads) {
        if (r.group_in == 4)
          add_quads<4, kFull>(acc, r, lanes, x, step, w);
        else
          add_quads<2, kFull>(acc, r, lanes, x, step, w);
        continue;
      }
      for (int64_t channel = 0; channel < r.group_in; ++channel) {
        const F32 weight = load(w + channel * r.weights_pitch);
        FERRY_UNROLL
        for (int p = 0; p < kCount; ++p) {
          const F32 v = fetch<kFetch, kFull>(lanes, x + p * step, channel);
          acc[p] = fma(v, weight, acc[p]);
        }
      }
    }
  }
  FERRY_UNROLL
  for (int p = 0; p < kCount; ++p) finish<kFull>(r, acc[p], pixel + p, c, lanes.mask);
}

template <Fetch kFetch, bool kFull>
[[gnu::noinline]] void any_pixels(const DepthwiseRow& r, const Lanes& lanes, Interior in,
                                  int64_t c) noexcept {
  const Taps all = {r, in.first};
  int64_t p = 0;
  for (; p < in.first; ++p) any_tile<kFetch, kFull, 1>(r, lanes, Taps(r, p), p, c);
  for (; p + kPixels <= in.last; p += kPixels) {
    any_tile<kFetch, kFull, kPixels>(r, lanes, all, p, c);
  }
  if (p < in.last && in.last - in.first >= kPixels && !r.in_place()) {
    any_tile<kFetch, kFull, kPixels>(r, lanes, all, in.last - kPixels, c);
    p = in.last;
  }
  for (; p < r.out_w; ++p) any_tile<kFetch, kFull, 1>(r, lanes, Taps(r, p), p, c);
}

void any_row(const DepthwiseRow& r, Interior in) noexcept {
  for (int64_t c = r.c0; c < r.c1; c += kLanes) {
    const Lanes lanes(r, c);
    const bool full = lanes.count == kLanes;
    if (lanes.fetch == Fetch::kSame && full) {
      any_pixels<Fetch::kSame, true>(r, lanes, in, c);
    } else if (lanes.fetch == Fetch::kSplat && full) {
      any_pixels<Fetch::kSplat, true>(r, lanes, in, c);
    } else if (lanes.fetch == Fetch::kQuads && full) {
      any_pixels<Fetch::kQuads, true>(r, lanes, in, c);
    } else if (lanes.fetch == Fetch::kGather) {
      any_pixels<Fetch::kGather, false>(r, lanes, in, c);
    } else {
      any_pixels<Fetch::kPermute, false>(r, lanes, in, c);
    }
  }
}

// Taps of the parts that kernel rows are cut into so that inputs are loaded least often; 0: too
// many parts.
int64_t part_width(const DepthwiseRow& r) {
  int64_t best = 0, least = 0;
  for (const int64_t width : {3, 5, 7}) {
    const int64_t whole = r.kernel_w / width, single = r.kernel_w % width;
    const int64_t reach = (kPixels - 1) * r.stride_w;
    const int64_t loads = whole * (reach + width) + single * (reach + 1);
    if ((whole + single) * r.row_count > Rows::kMost) continue;
    if (best == 0 || loads < least) best = width, least = loads;
  }
  return best;
}

void row(const DepthwiseRow& r) noexcept {
  const Interior in(r);
  const bool plain = r.group_in == 1 && r.group_out == 1 && r.dilation_w == 1 && r.stride_w < 3;
  const int64_t width = plain ? part_width(r) : 0;
  const int64_t kind = width == 0 ? 0 : width * 10 + r.stride_w;
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
  window(r, in);
}

}  // namespace

extern const DepthwiseKernels kDepthwise = {row};

}  // namespace ferry::FERRY_ISA
