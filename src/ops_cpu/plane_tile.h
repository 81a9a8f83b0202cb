// SPDX-License-Identifier: Apache-2.0
// Pixels that are each a weighted sum of four of a plane, the same four for many planes: placed
// once, then read plane by plane.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "kernels/resize/resize.h"

namespace ferry {

namespace plane_tile {

using V4 [[gnu::vector_size(16)]] = float;
using Bits4 [[gnu::vector_size(16)]] = uint32_t;

// The pixels at four offsets, and those behind them, unless there are none.
template <bool kRowsOfOne>
std::array<V4, 2> pairs_at(const float* x, const int32_t* offset) {
  const float *a = x + offset[0], *b = x + offset[1], *c = x + offset[2], *d = x + offset[3];
  if constexpr (kRowsOfOne) return {V4{*a, *b, *c, *d}, V4{}};
  const V4 ab{a[0], a[1], b[0], b[1]}, cd{c[0], c[1], d[0], d[1]};
  return {__builtin_shufflevector(ab, cd, 0, 2, 4, 6), __builtin_shufflevector(ab, cd, 1, 3, 5, 7)};
}

template <bool kRowsOfOne, class Tile>
V4 sample_four(const Tile& t, const float* x, int64_t i) {
  const auto at = [](const auto* p) {
    V4 v;
    std::memcpy(&v, p, sizeof v);
    return v;
  };
  const auto top = pairs_at<kRowsOfOne>(x, t.first + i);
  const auto bottom = pairs_at<kRowsOfOne>(x, t.second + i);
  V4 pixels[] = {top[0], top[1], bottom[0], bottom[1]};
  if ((t.kept[i] & t.kept[i + 1] & t.kept[i + 2] & t.kept[i + 3]) != 15) {
    const auto kept = std::bit_cast<Bits4>(at(t.kept + i));
    for (uint32_t k = 0; k < 4; ++k) {
      const Bits4 mask = 0 - (kept >> k & 1);
      pixels[k] = std::bit_cast<V4>(std::bit_cast<Bits4>(pixels[k]) & mask);
    }
  }
  V4 sum = pixels[0] * at(t.weight[0] + i);
  for (uint32_t k = 1; k < 4; ++k) sum += pixels[k] * at(t.weight[k] + i);
  return sum;
}

template <bool kRowsOfOne, class Tile>
void sample_linear(const Tile& t, const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i += 4) {
    const V4 v = sample_four<kRowsOfOne>(t, x, i);
    std::memcpy(y + i, &v, static_cast<size_t>(std::min<int64_t>(4, n - i)) * sizeof(float));
  }
}

}  // namespace plane_tile

template <int64_t kMost>
struct PlaneTile {
  static constexpr int64_t kPixels = kMost;
  using Sampler = void (*)(const PlaneTile& t, const float* x, float* y, int64_t n);

  alignas(64) float x[kMost], y[kMost];  // positions, or how far taps are moved
  alignas(64) int32_t first[kMost], second[kMost], kept[kMost];
  alignas(64) float weight[4][kMost];

  SamplePlaces places() {
    return {first, second, kept, {weight[0], weight[1], weight[2], weight[3]}};
  }
  // Positions behind the n-th that kernels read.
  void fill_up(int64_t n) {
    for (; n % 16 != 0; ++n) x[n] = y[n] = 0;
  }
  // Of planes with rows of `width`: y[i] = pixel i of the tile in plane x.
  static Sampler sampler(int64_t width) {
    return width == 1 ? plane_tile::sample_linear<true, PlaneTile>
                      : plane_tile::sample_linear<false, PlaneTile>;
  }
};

}  // namespace ferry
