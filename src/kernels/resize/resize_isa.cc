// SPDX-License-Identifier: Apache-2.0
#include "kernels/resize/resize.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

void blend_rows(const float* const* x, const float* weight, int64_t taps, float* y,
                int64_t n) noexcept {
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const F32 w = splat(weight[0]);
    F32 a = w * load(x[0] + i), b = w * load(x[0] + i + kLanes);
    for (int64_t t = 1; t < taps; ++t) {
      const F32 v = splat(weight[t]);
      a = fma(v, load(x[t] + i), a);
      b = fma(v, load(x[t] + i + kLanes), b);
    }
    store(y + i, a);
    store(y + i + kLanes, b);
  }
  for (; i < n; i += kLanes) {
    const Mask m = first_n(smaller<int64_t>(kLanes, n - i));
    F32 a = splat(weight[0]) * load(x[0] + i, m);
    for (int64_t t = 1; t < taps; ++t) a = fma(splat(weight[t]), load(x[t] + i, m), a);
    store(y + i, a, m);
  }
}

void blend_gathered(const float* x, const int32_t* index, const float* weight, int64_t taps,
                    float* y, int64_t n) noexcept {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t lanes = smaller<int64_t>(kLanes, n - i);
    const Mask m = first_n(lanes);
    // Lanes past the end read element 0 with weight 0.
    F32 a = load(weight + i, m) * gather(x, load_n(index + i, lanes));
    for (int64_t t = 1; t < taps; ++t) {
      a = fma(load(weight + t * n + i, m), gather(x, load_n(index + t * n + i, lanes)), a);
    }
    store(y + i, a, m);
  }
}

void plan_rising(const int32_t* index, int64_t n, int64_t width, int32_t* base,
                 int32_t* lane) noexcept {
  const auto last = static_cast<int32_t>(larger<int64_t>(0, width - kLanes));
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t end = smaller<int64_t>(n, i + kLanes);
    const int32_t from = smaller(index[i], last);
    base[i / kLanes] = index[end - 1] - from < kLanes ? from : -1;
    for (int64_t k = i; k < i + kLanes; ++k) lane[k] = k < end ? index[k] - from : 0;
  }
}

template <bool kTwice>
FERRY_INLINE void pick(const float* x, const RisingPicks& picks, float* y, float* again,
                       int64_t n) {
  const Mask in_row = first_n(smaller<int64_t>(kLanes, picks.width));
  const auto group = [&](int64_t i, int64_t m, auto put) {
    const int32_t base = picks.base[i / kLanes];
    if (base >= 0) {
      const F32 v = permute(load(x + base, in_row), load(picks.lane + i));
      put(y + i, v);
      if (kTwice) put(again + i, v);
      return;
    }
    for (int64_t k = i; k < i + m; ++k) {
      __builtin_memcpy(y + k, x + picks.index[k], sizeof(float));
      if (kTwice) __builtin_memcpy(again + k, x + picks.index[k], sizeof(float));
    }
  };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) group(i, kLanes, [](float* to, F32 v) { store(to, v); });
  if (i < n) group(i, n - i, [=](float* to, F32 v) { store_n(to, v, n - i); });
}

void pick_rising(const float* x, const RisingPicks& picks, float* y, float* again,
                 int64_t n) noexcept {
  if (again != nullptr)
    pick<true>(x, picks, y, again, n);
  else
    pick<false>(x, picks, y, again, n);
}

// An axis of a picture, and what is beyond its ends: in numbers, since compilers copy loops for
// each case of a choice.
struct Axis {
  int32_t size;
  float scale, shift;            // to pixels, halved
  float low, high, bottom, top;  // positions that stay, and what others are
  int32_t beyond;                // the bits of -1 where zeros are

  Axis(int64_t pixels, bool align_corners, bool border) : size(static_cast<int32_t>(pixels)) {
    const auto n = static_cast<float>(size);
    scale = align_corners ? n - 1 : n;
    shift = align_corners ? 0.0f : 1.0f;
    low = !border ? -8.0f : align_corners ? 0.0f : -0.5f;
    high = !border ? n + 8 : align_corners ? n - 1 : n - 0.5f;
    bottom = border ? 0.0f : -8.0f;
    top = border ? n - 1 : n + 8;
    beyond = border ? 0 : -1;
  }
  // In pixels: never NaN, and never far outside.
  F32 position(F32 v) const {
    const F32 x = ((v + splat(1.0f)) * splat(scale) - splat(shift)) * splat(0.5f);
    const F32 outside = select(gt(x, zero()), min(x, splat(top)), splat(bottom));
    return select(ge(x, splat(low)) & le(x, splat(high)), x, outside);
  }
  // Pixel i, the border's instead, or -1.
  I32 pixel(I32 i) const {
    const I32 inside = max(min(i, splat_i(size - 1)), splat_i(0));
    return inside | select(eq(i, inside), splat_i(0), splat_i(beyond));
  }
};

void place_nearest(const SampledPicture& in, const float* x, const float* y, int64_t n,
                   const SamplePlaces& places) noexcept {
  const Axis width(in.width, in.align_corners, in.border);
  const Axis height(in.height, in.align_corners, in.border);
  for (int64_t i = 0; i < n; i += kLanes) {
    const I32 column = width.pixel(to_i32(width.position(load(x + i))));
    const I32 row = height.pixel(to_i32(height.position(load(y + i))));
    const I32 zeros = sar<31>(column | row);
    store(places.first + i, (row * splat_i(width.size) + column) & ~zeros);
    store(places.kept + i, ~zeros);
  }
}

// Between the pixels of a column and the next, a row and the next. `kUnread`: what weighs nothing.
template <bool kUnread>
FERRY_INLINE void place(const Axis& width, const Axis& height, I32 column, F32 u, I32 row, F32 v,
                        const SamplePlaces& places, int64_t i) {
  const I32 none = splat_i(0), one = splat_i(1);
  const I32 left = width.pixel(column), top = height.pixel(row);
  I32 right = width.pixel(column + one), bottom = height.pixel(row + one);
  if constexpr (kUnread) {
    right = select(gt(u, zero()), right, splat_i(-1));
    bottom = select(gt(v, zero()), bottom, splat_i(-1));
  }
  // Two columns that lie in the picture, and what is wanted of each.
  const I32 first = max(min(column, splat_i(width.size - 2)), none), second = first + one;
  const Mask l0 = eq(left, first), l1 = eq(left, second);
  const Mask r0 = eq(right, first), r1 = eq(right, second);
  const F32 from_left = splat(1.0f) - u, above = splat(1.0f) - v;
  const F32 w0 = select(l0, from_left, zero()) + select(r0, u, zero());
  const F32 w1 = select(l1, from_left, zero()) + select(r1, u, zero());
  const I32 columns = select(l0 | r0, splat_i(5), none) | select(l1 | r1, splat_i(10), none);
  const I32 rows = select(gt(top, splat_i(-1)), splat_i(3), none) |
                   select(gt(bottom, splat_i(-1)), splat_i(12), none);
  store(places.first + i, max(top, none) * splat_i(width.size) + first);
  store(places.second + i, max(bottom, none) * splat_i(width.size) + first);
  store(places.kept + i, columns & rows);
  store(places.weight[0] + i, above * w0);
  store(places.weight[1] + i, above * w1);
  store(places.weight[2] + i, v * w0);
  store(places.weight[3] + i, v * w1);
}

void place_linear(const SampledPicture& in, const float* x, const float* y, int64_t n,
                  const SamplePlaces& places) noexcept {
  const Axis width(in.width, in.align_corners, in.border);
  const Axis height(in.height, in.align_corners, in.border);
  for (int64_t i = 0; i < n; i += kLanes) {
    const F32 px = width.position(load(x + i)), py = height.position(load(y + i));
    const F32 x0 = floor(px), y0 = floor(py);
    place<false>(width, height, to_i32(x0), px - x0, to_i32(y0), py - y0, places, i);
  }
}

void place_moved(const SampledPicture& in, const MovedTaps& taps, int64_t n,
                 const SamplePlaces& places) noexcept {
  const Axis width(in.width, false, false);
  const Axis height(in.height, false, false);
  // NaN is far outside too.
  const F32 far = splat(0x1p28f);
  for (int64_t i = 0; i < n; i += kLanes) {
    const F32 x = min(max(load(taps.x + i), -far), far), x0 = floor(x);
    const F32 y = min(max(load(taps.y + i), -far), far), y0 = floor(y);
    const I32 column = load(taps.column + i) + splat_i(taps.dx) + to_i32(x0);
    const I32 row = load(taps.row + i) + splat_i(taps.dy) + to_i32(y0);
    place<true>(width, height, column, x - x0, row, y - y0, places, i);
  }
}

}  // namespace

extern const ResizeKernels kResizeKernels = {blend_rows,  blend_gathered, plan_rising,
                                             pick_rising, place_nearest,  place_linear,
                                             place_moved, kLanes};

}  // namespace ferry::FERRY_ISA
