// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention/attention.h"
#include "kernels/vec_math.h"

namespace ferry::FERRY_ISA {
namespace {

constexpr float kInfinity = __builtin_inff();
constexpr int kAhead = 4;  // independent chains, to hide the latency of an operation

template <bool kFull>
FERRY_INLINE F32 load_part(const float* p, Mask m) {
  if constexpr (kFull) return load(p);
  return load(p, m);
}

// The score of up to kLanes keys from column i on, -infinity in lanes past `n`; kFull: there are
// none.
template <bool kCapped, bool kFull>
FERRY_INLINE F32 masked_score(const ScoreRow& row, const float* scores, int64_t i, int64_t n) {
  const Mask m = first_n(n);
  F32 v = load_part<kFull>(scores + i, m) * splat(row.scale);
  if constexpr (kCapped) v = splat(row.softcap) * tanh(v / splat(row.softcap));
  if (row.bias != nullptr) v = v + load_part<kFull>(row.bias + i, m);
  if (row.allowed != nullptr) {
    v = select(eq(load_u8_n(row.allowed + i, n), splat_i(0)), splat(-kInfinity), v);
  }
  return kFull ? v : select(m, v, splat(-kInfinity));
}

// kPlain: scores are only scaled, by a positive number, which then waits for the exponential.
template <bool kPlain, bool kCapped>
FERRY_INLINE float probabilities_of(const ScoreRow& row, float* scores, int64_t n) {
  const int64_t begin = row.begin, end = row.end;
  F32 high[kAhead];
  FERRY_UNROLL
  for (int k = 0; k < kAhead; ++k) high[k] = splat(-kInfinity);
  int64_t i = begin;
  for (; i + kAhead * kLanes <= end; i += kAhead * kLanes) {
    FERRY_UNROLL
    for (int k = 0; k < kAhead; ++k) {
      float* at = scores + i + k * kLanes;
      if constexpr (kPlain) {
        high[k] = max(load(at), high[k]);
      } else {
        const F32 v = masked_score<kCapped, true>(row, scores, i + k * kLanes, kLanes);
        store(at, v);
        high[k] = max(v, high[k]);
      }
    }
  }
  for (; i < end; i += kLanes) {
    const int64_t lanes = smaller<int64_t>(kLanes, end - i);
    if constexpr (kPlain) {
      const Mask m = first_n(lanes);
      high[0] = max(select(m, load(scores + i, m), splat(-kInfinity)), high[0]);
    } else {
      const F32 v = masked_score<kCapped, false>(row, scores, i, lanes);
      store_n(scores + i, v, lanes);
      high[0] = max(v, high[0]);
    }
  }
  for (int64_t j = 0; j < begin; ++j) scores[j] = 0;
  for (int64_t j = end; j < n; ++j) scores[j] = 0;
  const float factor = kPlain ? row.scale : 1.0f;
  const float top = reduce_max(max(max(high[0], high[1]), max(high[2], high[3]))) * factor;
  // Nobody is attended, or every score is NaN: the sum tells which.
  const F32 shift = splat(top == -kInfinity ? 0.0f : top);
  const auto probability = [&](F32 score) {
    return exp_of_negative(kPlain ? fms(score, splat(factor), shift) : score - shift);
  };
  F32 sum[kAhead];
  FERRY_UNROLL
  for (int k = 0; k < kAhead; ++k) sum[k] = zero();
  i = begin;
  for (; i + kAhead * kLanes <= end; i += kAhead * kLanes) {
    FERRY_UNROLL
    for (int k = 0; k < kAhead; ++k) {
      const F32 e = probability(load(scores + i + k * kLanes));
      store(scores + i + k * kLanes, e);
      sum[k] = sum[k] + e;
    }
  }
  for (; i < end; i += kLanes) {
    const Mask m = first_n(smaller<int64_t>(kLanes, end - i));
    const F32 e = probability(load(scores + i, m));
    store(scores + i, e, m);
    sum[0] = sum[0] + select(m, e, zero());
  }
  return reduce_add((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

float probabilities(const ScoreRow& row, float* scores, int64_t n) noexcept {
  if (row.softcap > 0) return probabilities_of<false, true>(row, scores, n);
  const bool plain = row.bias == nullptr && row.allowed == nullptr && row.scale > 0;
  return plain ? probabilities_of<true, false>(row, scores, n)
               : probabilities_of<false, false>(row, scores, n);
}

void scale(float* x, int64_t n, float factor) noexcept {
  for (int64_t i = 0; i < n; i += kLanes) {
    const Mask m = first_n(smaller<int64_t>(kLanes, n - i));
    store(x + i, load(x + i, m) * splat(factor), m);
  }
}

void dot_keys(const float* q, const float* keys, int64_t pitch, int64_t width, int64_t n,
              float* scores) noexcept {
  int64_t j = 0;
  for (; j + kAhead <= n; j += kAhead) {
    const float* k = keys + j * pitch;
    F32 sum[kAhead];
    FERRY_UNROLL
    for (int a = 0; a < kAhead; ++a) sum[a] = zero();
    for (int64_t d = 0; d < width; d += kLanes) {
      const Mask m = first_n(smaller<int64_t>(kLanes, width - d));
      const F32 x = load(q + d, m);
      FERRY_UNROLL
      for (int a = 0; a < kAhead; ++a) sum[a] = fma(x, load(k + a * pitch + d, m), sum[a]);
    }
    FERRY_UNROLL
    for (int a = 0; a < kAhead; ++a) scores[j + a] = reduce_add(sum[a]);
  }
  for (; j < n; ++j) {
    F32 sum = zero();
    for (int64_t d = 0; d < width; d += kLanes) {
      const Mask m = first_n(smaller<int64_t>(kLanes, width - d));
      sum = fma(load(q + d, m), load(keys + j * pitch + d, m), sum);
    }
    scores[j] = reduce_add(sum);
  }
}

// kVectors vectors of columns from `values` on, down all rows.
template <int kVectors>
FERRY_INLINE void sum_columns(const float* p, const float* values, int64_t pitch, int64_t n,
                              float* y, int64_t last_lanes) {
  const Mask m = first_n(last_lanes);
  F32 even[kVectors], odd[kVectors];
  FERRY_UNROLL
  for (int c = 0; c < kVectors; ++c) even[c] = odd[c] = zero();
  int64_t j = 0;
  for (; j + 2 <= n; j += 2) {
    const float* v = values + j * pitch;
    const F32 p0 = splat(p[j]), p1 = splat(p[j + 1]);
    FERRY_UNROLL
    for (int c = 0; c < kVectors; ++c) {
      const bool last = c == kVectors - 1;
      even[c] = fma(p0, last ? load(v + c * kLanes, m) : load(v + c * kLanes), even[c]);
      odd[c] =
          fma(p1, last ? load(v + pitch + c * kLanes, m) : load(v + pitch + c * kLanes), odd[c]);
    }
  }
  if (j < n) {
    const float* v = values + j * pitch;
    FERRY_UNROLL
    for (int c = 0; c < kVectors; ++c) {
      const F32 x = c == kVectors - 1 ? load(v + c * kLanes, m) : load(v + c * kLanes);
      even[c] = fma(splat(p[j]), x, even[c]);
    }
  }
  FERRY_UNROLL
  for (int c = 0; c < kVectors; ++c) {
    const F32 sum = even[c] + odd[c];
    if (c == kVectors - 1) {
      store(y + c * kLanes, sum, m);
    } else {
      store(y + c * kLanes, sum);
    }
  }
}

void sum_values(const float* p, const float* values, int64_t pitch, int64_t width, int64_t n,
                float* y) noexcept {
  int64_t d = 0;
  for (; d + kAhead * kLanes <= width; d += kAhead * kLanes) {
    sum_columns<kAhead>(p, values + d, pitch, n, y + d, kLanes);
  }
  for (; d < width; d += kLanes) {
    sum_columns<1>(p, values + d, pitch, n, y + d, smaller<int64_t>(kLanes, width - d));
  }
}

}  // namespace

extern const AttentionKernels kAttentionKernels = {probabilities, scale, dot_keys, sum_values};

}  // namespace ferry::FERRY_ISA
