// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool/plane_pool.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// The even and the odd lanes of two vectors.
FERRY_INLINE void split_pairs(F32& a, F32& b) {
#if FERRY_ISA_LEVEL == 2
  const I32 even = iota_i() + iota_i();
  const __m512 e = _mm512_permutex2var_ps(a.v, even.v, b.v);
  b.v = _mm512_permutex2var_ps(a.v, (even + splat_i(1)).v, b.v);
  a.v = e;
#elif FERRY_ISA_LEVEL == 1
  const __m256 low = _mm256_permute2f128_ps(a.v, b.v, 0x20);
  const __m256 high = _mm256_permute2f128_ps(a.v, b.v, 0x31);
  a.v = _mm256_shuffle_ps(low, high, 0x88);
  b.v = _mm256_shuffle_ps(low, high, 0xdd);
#else
  const F32 x = a, y = b;
  a.v = decltype(a.v){x.v[0], x.v[2], y.v[0], y.v[2]};
  b.v = decltype(b.v){x.v[1], x.v[3], y.v[1], y.v[3]};
#endif
}

template <PoolJoin kJoin>
FERRY_INLINE F32 valued(F32 v) {
  if constexpr (kJoin == PoolJoin::kMagnitudes) return abs(v);
  if constexpr (kJoin == PoolJoin::kSquares) return v * v;
  return v;
}

template <PoolJoin kJoin>
FERRY_INLINE F32 joined(F32 sum, F32 v) {
  if constexpr (kJoin == PoolJoin::kMax) return max_nan(v, sum);
  return sum + v;
}

// Two vectors of the window's rows, joined.
template <PoolJoin kJoin, class Load>
FERRY_INLINE void join_rows(const PoolLine& l, const PoolRow& r, Load load_pair, F32& a, F32& b) {
  load_pair(r.first, a, b);
  a = valued<kJoin>(a);
  b = valued<kJoin>(b);
  for (int64_t s = 0; s < r.slices; ++s) {
    const float* slice = r.first + s * l.slice_stride;
    for (int64_t i = s == 0 ? 1 : 0; i < r.rows; ++i) {
      F32 u, v;
      load_pair(slice + i * l.row_stride, u, v);
      a = joined<kJoin>(a, valued<kJoin>(u));
      b = joined<kJoin>(b, valued<kJoin>(v));
    }
  }
}

// Whole vectors are written, so that reading them at other offsets need not wait for memory.
template <PoolJoin kJoin>
FERRY_INLINE void combine_of(const PoolLine& l, const PoolRow& r) {
  for (int64_t i = 0; i < l.width; i += 2 * kLanes) {
    const int64_t left = l.width - i;
    F32 a, b;
    if (left >= 2 * kLanes) {
      join_rows<kJoin>(
          l, r,
          [i](const float* p, F32& u, F32& v) {
            u = load(p + i);
            v = load(p + i + kLanes);
          },
          a, b);
    } else {
      const int64_t second = larger<int64_t>(left - kLanes, 0);
      const Mask in_a = first_n(smaller<int64_t>(left, kLanes)), in_b = first_n(second);
      const int64_t at_b = second > 0 ? i + kLanes : i;
      join_rows<kJoin>(
          l, r,
          [=](const float* p, F32& u, F32& v) {
            u = load(p + i, in_a);
            v = load(p + at_b, in_b);
          },
          a, b);
      a = select(in_a, a, splat(l.outside));
      b = select(in_b, b, splat(l.outside));
    }
    if (l.odd != 0) {
      split_pairs(a, b);
      store(r.line + l.even + i / 2, a);
      store(r.line + l.odd + i / 2, b);
    } else {
      store(r.line + l.even + i, a);
      store(r.line + l.even + i + kLanes, b);
    }
  }
}

template <PoolJoin kJoin, bool kDense>
FERRY_INLINE void slide_of(const float* line, int64_t step, const int64_t* taps, int64_t n,
                           const float* columns, float rows, float* y, int64_t count) {
  const I32 lanes = iota_i() * splat_i(static_cast<int32_t>(step));
  const auto at = [&](const float* p) { return kDense ? load(p) : gather(p, lanes); };
  for (int64_t i = 0; i < count; i += kLanes) {
    const float* from = line + i * step;
    F32 sum = at(from + taps[0]);
    for (int64_t t = 1; t < n; ++t) sum = joined<kJoin>(sum, at(from + taps[t]));
    const int64_t left = smaller<int64_t>(kLanes, count - i);
    if constexpr (kJoin == PoolJoin::kSquares) sum = sqrt(sum);
    if constexpr (kJoin == PoolJoin::kSum) sum = sum / (load_n(columns + i, left) * splat(rows));
    store_n(y + i, sum, left);
  }
}

// What has just been written is read at other offsets, which waits for the cache: all rows are
// joined first.
template <PoolJoin kJoin>
FERRY_INLINE void pool_of(const PoolLine& l, const PoolRow* rows, int64_t n) {
  for (const PoolRow* r = rows; r < rows + n; ++r) {
    if (r->slices * r->rows > 0) combine_of<kJoin>(l, *r);
  }
  for (const PoolRow* r = rows; r < rows + n; ++r) {
    if (l.step == 1)
      slide_of<kJoin, true>(r->line, 1, l.taps, l.num_taps, l.columns, r->counted, r->y, l.outputs);
    else
      slide_of<kJoin, false>(r->line, l.step, l.taps, l.num_taps, l.columns, r->counted, r->y,
                             l.outputs);
  }
}

void pool(PoolJoin join, const PoolLine& line, const PoolRow* rows, int64_t n) noexcept {
  switch (join) {
    case PoolJoin::kMax:
      return pool_of<PoolJoin::kMax>(line, rows, n);
    case PoolJoin::kSum:
      return pool_of<PoolJoin::kSum>(line, rows, n);
    case PoolJoin::kMagnitudes:
      return pool_of<PoolJoin::kMagnitudes>(line, rows, n);
    case PoolJoin::kSquares:
      return pool_of<PoolJoin::kSquares>(line, rows, n);
  }
}

}  // namespace

extern const PlanePoolKernels kPlanePoolKernels = {pool};

}  // namespace ferry::FERRY_ISA
