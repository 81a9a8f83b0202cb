// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/depthwise.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// Pixels per tile. Together with a row of weights and the pixel in flight they fill 16 registers at
// a kernel width of 7, and give the multiply-add units eight independent sums. The scalar set has
// room for few forms.
constexpr int kPixels = kLanes > 4 ? 8 : 4;
// Taps of a kernel row of groups of several channels that share their inputs: fewer accumulators
// would be left to more, and narrow groups come with 3x3 kernels.
constexpr int kGroupWidth = 3;

// Output pixels of a row whose whole window lies inside the image.
struct Interior {
  int64_t first, last;
  FERRY_INLINE explicit Interior(const DepthwiseRow& r) {
    const int64_t reach = (r.kernel_w - 1) * r.dilation_w;
    first = r.pad_w <= 0 ? 0 : smaller((r.pad_w + r.stride_w - 1) / r.stride_w, r.out_w);
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

// Adds what follows the sums of kCount pixels, limits and stores them. The mask is of use only
// where kFull is false.
template <bool kFull, int kCount>
FERRY_INLINE void finish_tile(const DepthwiseRow& r, F32 (&acc)[kCount], float* y, int64_t pixel,
                              int64_t c, Mask m, F32 bias, F32 lo, F32 hi) {
  FERRY_UNROLL
  for (int p = 0; p < kCount; ++p) acc[p] = acc[p] + bias;
  if (r.residual != nullptr) [[unlikely]] {
    const float* residual = r.residual + pixel * r.residual_pitch + c;
    FERRY_UNROLL
    for (int p = 0; p < kCount; ++p) {
      acc[p] = acc[p] + load_part<kFull>(residual + p * r.residual_pitch, m);
    }
  }
  FERRY_UNROLL
  for (int p = 0; p < kCount; ++p) {
    const F32 out = min(hi, max(lo, acc[p]));
    if constexpr (kFull) {
      store(y, out);
    } else {
      store(y, out, m);
    }
    y += r.y_pitch;
  }
}

template <bool kFull, int kCount>
FERRY_INLINE void finish_tile(const DepthwiseRow& r, F32 (&acc)[kCount], int64_t pixel, int64_t c,
                              Mask m) {
  const F32 bias = r.bias == nullptr ? zero() : load_part<kFull>(r.bias + c, m);
  finish_tile<kFull>(r, acc, r.y + pixel * r.y_pitch + c, pixel, c, m, bias, splat(r.lo),
                     splat(r.hi));
}

// From r.weights to those of the output channel c.
FERRY_INLINE int64_t weights_at(const DepthwiseRow& r, int64_t c) {
  return c / r.weights_pitch * r.weights_block + c % r.weights_pitch;
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
        x[count] = r.rows[i] + (k * r.dilation_w - r.pad_w) * r.x_pitch;
        weights[count] = r.weights + (i * r.kernel_w + k) * r.group_in * r.weights_pitch;
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

// Columns at either side of a tile's window that may lie outside the image: none, some, or
constexpr int kAnyColumns = 64;

// One row of the window under kCount pixels: every input vector is loaded once.
template <int kCount, int kStride, int kWidth, bool kFull, int kOutside>
FERRY_INLINE void add_row(F32 (&acc)[kCount], const F32 (&w)[kWidth], const float* x, int64_t pitch,
                          Mask m, Columns inside) {
  constexpr int kColumns = (kCount - 1) * kStride + kWidth;
  FERRY_UNROLL
  for (int j = 0; j < kColumns; ++j, x += pitch) {
    if (j < kOutside && j < inside.first) continue;
    if (j >= kColumns - kOutside && j >= inside.last) continue;
    F32 v = load_part<kFull>(x, m);
    // Three multiply-adds need a load less than if each had its own; longer rows need few loads.
    if (kWidth == 3 && kStride == 1) pin(v);
    FERRY_UNROLL
    for (int p = 0; p < kCount; ++p) {
      const int k = j - p * kStride;
      if (k >= 0 && k < kWidth) acc[p] = fma(v, w[k], acc[p]);
    }
  }
}

// The part i of the rows, of kTaps taps.
template <int kTaps, int kStride, int kOutside, int kCount, int kRows, int kWidth, bool kFull>
FERRY_INLINE void add_part(F32 (&acc)[kCount], const Window<kRows, kWidth, kFull>& window,
                           int64_t i, int64_t offset, Columns inside) {
  const int64_t tap = kRows == kParts ? window.rows.first_tap[i] : 0;
  F32 w[kTaps];
  window.load_weights(i, w);
  add_row<kCount, kStride, kTaps, kFull, kOutside>(acc, w, window.rows.x[i] + offset,
                                                   window.r.x_pitch, window.m,
                                                   {inside.first - tap, inside.last - tap});
}

template <int kCount, int kStride, int kOutside, int kRows, int kWidth, bool kFull>
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
      add_row<kCount, kStride, kWidth, kFull, kOutside>(acc, window.w[i], window.rows.x[i] + offset,
                                                        r.x_pitch, window.m, inside);
    }
  } else {
    for (int64_t i = 0; i < window.rows.count; ++i) {
      if (kRows == kParts && window.rows.taps[i] == 1)
        add_part<1, kStride, kOutside>(acc, window, i, offset, inside);
      else
        add_part<kWidth, kStride, kOutside>(acc, window, i, offset, inside);
    }
  }
  finish_tile<kFull>(r, acc, y, pixel, window.c, window.m, window.bias, window.lo, window.hi);
}

// kFull: the full vectors of channels from c on; otherwise all channels.
template <bool kFull, int kOutside, int kCount, int kWidth, int kStride, int kRows>
[[gnu::noinline]] void window_pixels(const DepthwiseRow& r, const Rows& rows, int64_t pixel,
                                     int64_t c) noexcept {
  const int64_t end = kFull ? r.c1 - kLanes + 1 : r.c1;
  for (; c < end; c += kLanes) {
    const Mask m = first_n(smaller<int64_t>(kLanes, r.c1 - c));
    const Window<kRows, kWidth, kFull> window(r, rows, c, m);
    window_tile<kCount, kStride, kOutside>(window, pixel);
  }
}

FERRY_INLINE int64_t first_partial_channel(const DepthwiseRow& r) {
  return r.c1 - (r.c1 - r.c0) % kLanes;
}

template <int kCount, int kWidth, int kStride, int kRows>
FERRY_INLINE void window_tiles(const DepthwiseRow& r, const Rows& rows, Interior in,
                               int64_t pixel) {
  int64_t c = r.c0;
  if (pixel >= in.first && pixel + kCount <= in.last) {
    window_pixels<true, 0, kCount, kWidth, kStride, kRows>(r, rows, pixel, c);
    c = first_partial_channel(r);
  }
  // Larger tiles at the side are rare: one form of them does.
  constexpr int kSideRows = kCount == 1 && kRows != kParts ? kAnyRows : kParts;
  if (c < r.c1) {
    window_pixels<false, kAnyColumns, kCount, kWidth, kStride, kSideRows>(r, rows, pixel, c);
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

// Where at most half a kernel's width lies outside the image, pixels are dealt out evenly to tiles
// of at least four; of the channels full vectors are computed.
template <int kWidth, int kStride, int kRows>
FERRY_INLINE void even_tiles(const DepthwiseRow& r, const Rows& rows) {
  constexpr int kOutside = kWidth / 2;
  int64_t tiles = (r.out_w + kPixels - 1) / kPixels;
  for (int64_t p = 0; tiles > 0; --tiles) {
    const int64_t count = (r.out_w - p + tiles - 1) / tiles;
    switch (count) {
      case 4:
        window_pixels<true, kOutside, 4, kWidth, kStride, kRows>(r, rows, p, r.c0);
        break;
      case 5:
        window_pixels<true, kOutside, 5, kWidth, kStride, kRows>(r, rows, p, r.c0);
        break;
      case 6:
        window_pixels<true, kOutside, 6, kWidth, kStride, kRows>(r, rows, p, r.c0);
        break;
      case 7:
        window_pixels<true, kOutside, 7, kWidth, kStride, kRows>(r, rows, p, r.c0);
        break;
      default:
        window_pixels<true, kOutside, 8, kWidth, kStride, kRows>(r, rows, p, r.c0);
    }
    p += count;
  }
}
// Wide windows at stride 2 are rare, and the scalar set has room for few forms.
template <int kWidth, int kStride>
constexpr bool kHasEvenTiles = kLanes > 4 && (kWidth < 7 || kStride == 1);

template <int kWidth>
FERRY_INLINE bool takes_even_tiles(const DepthwiseRow& r) {
  const int64_t end = (r.out_w - 1) * r.stride_w - r.pad_w + kWidth;
  return r.out_w >= 4 && r.pad_w <= kWidth / 2 && end <= r.in_w + kWidth / 2;
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
  DepthwiseRow left = r;
  if constexpr (kHasEvenTiles<kWidth, kStride>) {
    if (takes_even_tiles<kWidth>(r)) {
      constexpr int kHeld = kWidth == 3 && kLanes == 16 ? 3 : kAnyRows;
      if (rows.count == kHeld)
        even_tiles<kWidth, kStride, kHeld>(r, rows);
      else
        even_tiles<kWidth, kStride, kAnyRows>(r, rows);
      left.c0 = first_partial_channel(r);
      if (left.c0 == left.c1) return;
    }
  }
  window_rows<kWidth, kStride, kAnyRows>(left, rows, in);
}

// Where the lanes of a vector of output channels find channel 0 of their groups: lane `index` of
// the two vectors from `base` on.
struct Spread {
  I32 index;
  Mask near, far;  // the lanes of the first and of the second vector that are wanted
  Mask mask;       // of the output channels
  int64_t base, weights;
  bool full, wide;  // whole vectors can be loaded and stored; some lanes want the second one

  // shifted: channel i is loaded from `base` + i on.
  FERRY_INLINE void set(const DepthwiseRow& r, int64_t c, bool shifted) {
    const int64_t count = smaller<int64_t>(r.c1 - c, kLanes);
    int32_t lanes[kLanes], wanted[2 * kLanes] = {};
    base = c / r.group_out * r.group_in;
    int64_t at = 0, within = c % r.group_out;
    wide = false;
    for (int i = 0; i < kLanes; ++i) {
      lanes[i] = static_cast<int32_t>(at);
      wanted[at] = 1;
      wide = wide || at >= kLanes;
      if (i + 1 < count && ++within == r.group_out) within = 0, at += r.group_in;
    }
    index = load(lanes);
    near = eq(load(wanted), splat_i(1)), far = eq(load(wanted + kLanes), splat_i(1));
    mask = first_n(count);
    weights = weights_at(r, c);
    const int64_t end = base + r.group_in - 1 + (wide ? 2 : 1) * kLanes;
    full = count == kLanes && (!shifted || end <= r.in_channels);
  }
};

// How a whole vector is fetched: channel i of the group of every lane.
enum class Fetching {
  kSplat,  // all lanes belong to one group
  kPairs,  // groups of two channels, in and out
  kFours,
  kNear,  // from the vector that begins at the first lane's input
  kFar,   // from that one and the next
};

template <Fetching kFetch, int kChannel>
FERRY_INLINE F32 fetch_whole(const Spread& s, const float* x) {
  if constexpr (kFetch == Fetching::kSplat) return splat(*x);
  if constexpr (kFetch == Fetching::kPairs) return splat_in_pairs<kChannel>(load(x));
  if constexpr (kFetch == Fetching::kFours) return splat_in_quads<kChannel>(load(x));
  if constexpr (kFetch == Fetching::kNear) return permute(load(x), s.index);
  return permute(load(x), load(x + kLanes), s.index);
}

// What is read through x is read again: one load and permutation costs no more than a register that
// has to be kept on the stack.
FERRY_INLINE void forget(const float*& x) { __asm__ volatile("" : "+r"(x)); }

// One channel of the groups, kTaps taps of a kernel row: every input vector is fetched once. Only
// the first and the last column may lie outside the image.
template <Fetching kFetch, int kChannel, int kTaps, int kStride, int kCount>
FERRY_INLINE void add_channel(F32 (&acc)[kCount], const Spread& s, const float* x, int64_t pitch,
                              const float* w, int64_t tap, Columns inside) {
  constexpr int kColumns = (kCount - 1) * kStride + kTaps;
  F32 weights[kTaps];
  FERRY_UNROLL
  for (int k = 0; k < kTaps; ++k) weights[k] = load(w + k * tap);
  forget(x);
  FERRY_UNROLL
  for (int j = 0; j < kColumns; ++j, x += pitch) {
    if (kTaps == 1 && j % kStride != 0) continue;
    if ((j == 0 && inside.first > 0) || (j == kColumns - 1 && inside.last < kColumns)) continue;
    const F32 v = fetch_whole<kFetch, kChannel>(s, x);
    FERRY_UNROLL
    for (int p = 0; p < kCount; ++p) {
      const int k = j - p * kStride;
      if (k >= 0 && k < kTaps) acc[p] = fma(v, weights[k], acc[p]);
    }
  }
}

template <Fetching kFetch, int kTaps, int kStride, int kCount>
FERRY_INLINE void add_channels(F32 (&acc)[kCount], const DepthwiseRow& r, const Spread& s,
                               const float* x, const float* w, Columns inside) {
  const int64_t pitch = r.x_pitch, next = r.weights_pitch, tap = r.group_in * next;
  const auto add = [&]<int kChannel>() {
    add_channel<kFetch, kChannel, kTaps, kStride>(acc, s, x, pitch, w, tap, inside);
    w += next;
  };
  if constexpr (kFetch == Fetching::kPairs || kFetch == Fetching::kFours) {
    add.template operator()<0>();
    add.template operator()<1>();
    if constexpr (kFetch == Fetching::kFours) {
      add.template operator()<2>();
      add.template operator()<3>();
    }
  } else {
    for (int64_t i = 0; i < r.group_in; ++i, ++x) add.template operator()<0>();
  }
}

template <Fetching kFetch>
FERRY_INLINE F32 fetch_part(const Spread& s, const float* x) {
  if constexpr (kFetch == Fetching::kSplat) return splat(*x);
  const F32 near = load(x, s.near);
  if constexpr (kFetch == Fetching::kNear) return permute(near, s.index);
  return permute(near, load(x + kLanes, s.far), s.index);
}

// As add_channels, for any vector and any columns.
template <Fetching kFetch, int kTaps, int kStride>
FERRY_INLINE void add_part_channels(F32 (&acc)[kPixels], const DepthwiseRow& r, const Spread& s,
                                    const float* x, const float* w, Columns inside) {
  const auto columns = static_cast<uint64_t>(larger(inside.last - inside.first, int64_t{0}));
  for (int64_t i = 0; i < r.group_in; ++i, ++x, w += r.weights_pitch) {
    F32 weights[kTaps];
    FERRY_UNROLL
    for (int k = 0; k < kTaps; ++k) weights[k] = load(w + k * r.group_in * r.weights_pitch);
    const float* column = x;
    FERRY_UNROLL
    for (int j = 0; j < (kPixels - 1) * kStride + kTaps; ++j, column += r.x_pitch) {
      if (kTaps == 1 && j % kStride != 0) continue;
      if (static_cast<uint64_t>(j - inside.first) >= columns) continue;
      const F32 v = fetch_part<kFetch>(s, column);
      FERRY_UNROLL
      for (int p = 0; p < kPixels; ++p) {
        const int k = j - p * kStride;
        if (k >= 0 && k < kTaps) acc[p] = fma(v, weights[k], acc[p]);
      }
    }
  }
}

// Up to kPixels pixels of a row, and vectors of output channels from c on.
struct GroupTile {
  const DepthwiseRow& r;
  const Rows& rows;
  int64_t pixel, count;
  int64_t c;
  const Spread *spread, *end;
};

// The sums over all parts of the rows for one vector of channels.
template <bool kWhole, Fetching kFetch, int kStride, int kCount>
FERRY_INLINE void sum_tile(F32 (&acc)[kCount], const GroupTile& t, const Spread& s) {
  FERRY_UNROLL
  for (int p = 0; p < kCount; ++p) acc[p] = zero();
  const DepthwiseRow& r = t.r;
  const int64_t left = t.pixel * kStride - r.pad_w;
  const int64_t offset = t.pixel * kStride * r.x_pitch + s.base;
  for (int64_t i = 0; i < t.rows.count; ++i) {
    const int64_t first = left + t.rows.first_tap[i] * r.dilation_w;
    const int64_t reach = (t.count - 1) * kStride + t.rows.taps[i];
    const Columns inside = {-first, smaller(r.in_w - first, reach)};
    const auto add = [&]<int kTaps>() {
      const float *x = t.rows.x[i] + offset, *w = t.rows.weights[i] + s.weights;
      if constexpr (kWhole)
        add_channels<kFetch, kTaps, kStride>(acc, r, s, x, w, inside);
      else
        add_part_channels<kFetch, kTaps, kStride>(acc, r, s, x, w, inside);
    };
    if (t.rows.taps[i] == 1)
      add.template operator()<1>();
    else
      add.template operator()<kGroupWidth>();
  }
}

// kCount pixels and full vectors of channels.
template <Fetching kFetch, int kStride, int kCount>
[[gnu::noinline]] void whole_tile(const GroupTile& t) noexcept {
  int64_t c = t.c;
  for (const Spread* s = t.spread; s != t.end; ++s, c += kLanes) {
    F32 acc[kCount];
    sum_tile<true, kFetch, kStride>(acc, t, *s);
    finish_tile<true>(t.r, acc, t.pixel, c, s->mask);
  }
}

template <Fetching kFetch, int kStride>
[[gnu::noinline]] void part_tile(const GroupTile& t) noexcept {
  int64_t c = t.c;
  for (const Spread* s = t.spread; s != t.end; ++s, c += kLanes) {
    F32 acc[kPixels];
    sum_tile<false, kFetch, kStride>(acc, t, *s);
    float sums[kPixels][kLanes];
    FERRY_UNROLL
    for (int p = 0; p < kPixels; ++p) store(sums[p], acc[p]);
    for (int64_t p = 0; p < t.count; ++p) {
      F32 sum[1] = {load(sums[p])};
      finish_tile<false>(t.r, sum, t.pixel + p, c, s->mask);
    }
  }
}

// Pixels of whole tiles for widths of 7, 14, 28, ...
constexpr int kOddPixels = kLanes > 4 ? 7 : kPixels;

struct GroupTiles {
  using Tile = void(const GroupTile&) noexcept;
  Tile *whole, *part;
  Tile *wide_whole, *wide_part;
  Tile *odd_whole, *odd_wide_whole;
  bool shifted;
};
template <Fetching kFetch, int kStride>
constexpr GroupTiles make_group_tiles() {
  constexpr bool kNear = kFetch == Fetching::kNear;
  constexpr Fetching kPart = kFetch == Fetching::kSplat ? kFetch : Fetching::kNear;
  constexpr Fetching kWide = kNear ? Fetching::kFar : kFetch;
  constexpr Fetching kWidePart = kNear ? Fetching::kFar : kPart;
  return {whole_tile<kFetch, kStride, kPixels>,
          part_tile<kPart, kStride>,
          whole_tile<kWide, kStride, kPixels>,
          part_tile<kWidePart, kStride>,
          whole_tile<kFetch, kStride, kOddPixels>,
          whole_tile<kWide, kStride, kOddPixels>,
          kNear};
}
template <Fetching kFetch, int kStride>
constexpr GroupTiles kGroupTiles = make_group_tiles<kFetch, kStride>();

// Vectors of the same kind at a time.
FERRY_INLINE void group_pixels(const GroupTiles& tiles, GroupTile t, bool whole,
                               const Spread* end) {
  const bool odd = t.count < kPixels;
  while (t.spread != end) {
    const bool full = t.spread->full && whole, wide = t.spread->wide;
    t.end = t.spread + 1;
    while (t.end != end && (t.end->full && whole) == full && t.end->wide == wide) ++t.end;
    if (full && odd)
      (wide ? tiles.odd_wide_whole : tiles.odd_whole)(t);
    else if (full)
      (wide ? tiles.wide_whole : tiles.whole)(t);
    else
      (wide ? tiles.wide_part : tiles.part)(t);
    t.c += (t.end - t.spread) * kLanes;
    t.spread = t.end;
  }
}

void group_row(const DepthwiseRow& r, const GroupTiles& tiles) noexcept {
  const Rows rows(r, r.dilation_w == 1 ? kGroupWidth : r.kernel_w + 1);
  // Only the first column of the first pixel's window and the last one of the last pixel's may lie
  // outside the image, and only in parts of several taps.
  const int64_t reach = (r.kernel_w - 1) * r.dilation_w;
  const int64_t pixels = r.out_w % kPixels != 0 && r.out_w % kOddPixels == 0 ? kOddPixels : kPixels;
  const auto whole = [&](int64_t p) {
    const int64_t first = p * r.stride_w - r.pad_w;
    const int64_t out = r.kernel_w == kGroupWidth && r.dilation_w == 1 ? 1 : 0;
    return first >= -out && first + (pixels - 1) * r.stride_w + reach < r.in_w + out;
  };
  constexpr int kMost = 32;
  Spread spread[kMost];
  for (int64_t c0 = r.c0; c0 < r.c1; c0 += kMost * kLanes) {
    int64_t n = 0;
    for (int64_t c = c0; n < kMost && c < r.c1; c += kLanes) spread[n++].set(r, c, tiles.shifted);
    for (int64_t p = 0; p < r.out_w; p += pixels) {
      int64_t pixel = p;
      // A tile may begin before the last one has ended, unless y is the residual.
      if (r.out_w - p < pixels && r.out_w >= pixels && !r.in_place()) pixel = r.out_w - pixels;
      const int64_t count = smaller(pixels, r.out_w - pixel);
      group_pixels(tiles, {r, rows, pixel, count, c0, spread, spread},
                   count == pixels && whole(pixel), spread + n);
    }
  }
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
    fetch = square && r.group_in == 1   ? Fetch::kSame
            : r.group_out % kLanes == 0 ? Fetch::kSplat
            : span <= kLanes            ? Fetch::kPermute
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
      const int64_t tap = (i * r.kernel_w + k) * r.group_in * r.weights_pitch;
      const float* w = r.weights + weights_at(r, c) + tap;
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
  finish_tile<kFull>(r, acc, pixel, c, lanes.mask);
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

using RowKernel = void(const DepthwiseRow&, Interior) noexcept;

RowKernel* window_kernel(const DepthwiseRow& r) {
  switch (part_width(r) * 10 + r.stride_w) {
    case 31:
      return window_row<3, 1>;
    case 32:
      return window_row<3, 2>;
    case 51:
      return window_row<5, 1>;
    case 52:
      return window_row<5, 2>;
    case 71:
      return window_row<7, 1>;
    case 72:
      return window_row<7, 2>;
    default:
      return any_row;
  }
}

template <Fetching kFetch>
const GroupTiles* group_tiles(const DepthwiseRow& r) {
  return r.stride_w == 1 ? &kGroupTiles<kFetch, 1> : &kGroupTiles<kFetch, 2>;
}

const GroupTiles* group_tiles(const DepthwiseRow& r) {
  const int64_t parts = r.dilation_w > 1 ? r.kernel_w : r.kernel_w / kGroupWidth + 2;
  if (r.stride_w > 2 || parts * r.row_count > Rows::kMost) return nullptr;
  if (r.group_out % kLanes == 0) return group_tiles<Fetching::kSplat>(r);
  if (r.group_in == r.group_out && r.group_in == 2) return group_tiles<Fetching::kPairs>(r);
  if (r.group_in == r.group_out && r.group_in == 4) return group_tiles<Fetching::kFours>(r);
  const bool near = group_span(kLanes, r.group_in, r.group_out) <= 2 * kLanes;
  return near ? group_tiles<Fetching::kNear>(r) : nullptr;
}

void dense_row(const DepthwiseRow& r) noexcept {
  const Interior in(r);
  if (r.group_in == 1 && r.group_out == 1) {
    RowKernel* plain = r.dilation_w == 1 && r.stride_w < 3 ? window_kernel(r) : any_row;
    return plain(r, in);
  }
  if (const GroupTiles* tiles = group_tiles(r)) return group_row(r, *tiles);
  any_row(r, in);
}

// Every `dilation`-th pixel of a row under a dilated kernel is a row under a dense one.
void dilated_row(const DepthwiseRow& r, const float** rows) noexcept {
  const int64_t d = r.dilation_w;
  for (int64_t phase = 0; phase < d && phase < r.out_w; ++phase) {
    DepthwiseRow part = r;
    part.pad_w = (r.pad_w - phase + d - 1) / d;
    const int64_t first = part.pad_w * d - r.pad_w + phase;  // input pixel
    part.in_w = (r.in_w - first + d - 1) / d;
    part.out_w = (r.out_w - phase + d - 1) / d;
    part.dilation_w = 1;
    part.x_pitch = d * r.x_pitch, part.y_pitch = d * r.y_pitch;
    part.residual_pitch = d * r.residual_pitch;
    part.y = r.y + phase * r.y_pitch;
    if (r.residual != nullptr) part.residual = r.residual + phase * r.residual_pitch;
    for (int64_t i = 0; i < r.row_count; ++i) {
      rows[i] = r.rows[i] == nullptr ? nullptr : r.rows[i] + first * r.x_pitch;
    }
    part.rows = rows;
    dense_row(part);
  }
}

void row(const DepthwiseRow& r) noexcept {
  constexpr int64_t kMostRows = 64;
  const float* rows[kMostRows];
  const bool by_parts = r.dilation_w > 1 && r.stride_w == 1 && r.in_w >= r.dilation_w;
  if (by_parts && r.row_count <= kMostRows) return dilated_row(r, rows);
  dense_row(r);
}

}  // namespace

extern const DepthwiseKernels kDepthwise = {row};

}  // namespace ferry::FERRY_ISA
