// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/thin_output.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// Vectors of pixels per tile: with the outputs they fill three quarters of the registers.
constexpr int vectors_for(int outputs) {
  const int most = kRegisters * 3 / 4 / outputs;
  return most > 8 ? 8 : most < 1 ? 1 : most;
}

template <int kOutputs, int kVectors>
FERRY_INLINE void tile(const ThinOutputRow& r, int64_t pixel) {
  F32 acc[kOutputs][kVectors];
  FERRY_UNROLL
  for (int o = 0; o < kOutputs; ++o) {
    FERRY_UNROLL
    for (int v = 0; v < kVectors; ++v) acc[o][v] = zero();
  }
  const float* strip = r.strip + pixel;
  const float* w = r.weights;
  for (int64_t t = 0; t < r.taps; ++t) {
    const float* x = strip + r.offsets[t];
    F32 weight[kOutputs];
    FERRY_UNROLL
    for (int o = 0; o < kOutputs; ++o) weight[o] = splat(w[o]);
    w += kOutputs;
    FERRY_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      F32 in = load(x + v * kLanes);
      pin(in);
      FERRY_UNROLL
      for (int o = 0; o < kOutputs; ++o) acc[o][v] = fma(in, weight[o], acc[o][v]);
    }
  }
  const F32 lo = splat(r.lo), hi = splat(r.hi);
  FERRY_UNROLL
  for (int o = 0; o < kOutputs; ++o) {
    const F32 bias = r.bias == nullptr ? zero() : splat(r.bias[o]);
    FERRY_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      const int64_t at = o * r.y_channel_stride + pixel + v * kLanes;
      const int64_t left = smaller<int64_t>(r.pixels - pixel - v * kLanes, kLanes);
      if (left <= 0) continue;
      F32 sum = acc[o][v] + bias;
      if (r.residual != nullptr) sum = sum + load_n(r.residual + at, left);
      store_n(r.y + at, min(hi, max(lo, sum)), left);
    }
  }
}

template <int kOutputs>
void row_of(const ThinOutputRow& r) noexcept {
  constexpr int kVectors = vectors_for(kOutputs);
  int64_t p = 0;
  for (; p + (kVectors - 1) * kLanes < r.pixels; p += kVectors * kLanes)
    tile<kOutputs, kVectors>(r, p);
  if constexpr (kVectors > 2) {
    constexpr int kHalf = kVectors / 2;
    for (; p + (kHalf - 1) * kLanes < r.pixels; p += kHalf * kLanes) tile<kOutputs, kHalf>(r, p);
  }
  for (; p < r.pixels; p += kLanes) tile<kOutputs, 1>(r, p);
}

void row(const ThinOutputRow& r) noexcept {
  static constexpr void (*kByOutputs[])(const ThinOutputRow&) noexcept = {
      nullptr,   row_of<1>, row_of<2>, row_of<3>, row_of<4>,
      row_of<5>, row_of<6>, row_of<7>, row_of<8>};
  kByOutputs[r.outputs](r);
}

void transpose_block(const float* from, int64_t from_pitch, int64_t rows, int64_t columns,
                     float* to, int64_t to_pitch) noexcept {
  for (int64_t i = 0; i < rows; i += kLanes) {
    const int64_t height = smaller<int64_t>(rows - i, kLanes);
    for (int64_t j = 0; j < columns; j += kLanes) {
      const int64_t width = smaller<int64_t>(columns - j, kLanes);
      const float* in = from + i * from_pitch + j;
      float* out = to + j * to_pitch + i;
      F32 block[kLanes];
      if (height == kLanes && width == kLanes) {
        FERRY_UNROLL
        for (int x = 0; x < kLanes; ++x) {
          block[x] = load(in + x * from_pitch);
          prefetch(in + (x + 2 * kLanes) * from_pitch);
        }
        transpose(block);
        FERRY_UNROLL
        for (int x = 0; x < kLanes; ++x) store(out + x * to_pitch, block[x]);
        continue;
      }
      FERRY_UNROLL
      for (int x = 0; x < kLanes; ++x) {
        block[x] = x < height ? load_n(in + x * from_pitch, width) : zero();
      }
      transpose(block);
      FERRY_UNROLL
      for (int x = 0; x < kLanes; ++x) {
        if (x < width) store_n(out + x * to_pitch, block[x], height);
      }
    }
  }
}

}  // namespace

extern const ThinOutputKernels kThinOutput = {kLanes, row, transpose_block};

}  // namespace ferry::FERRY_ISA
