// SPDX-License-Identifier: Apache-2.0
// AVX2 half of kernels/vec.h, which says what each function means.
#pragma once

#include <immintrin.h>

namespace ferry::FERRY_ISA {

inline constexpr int kLanes = 8;
inline constexpr int kRegisters = 16;

struct F32 {
  __m256 v;
};
struct I32 {
  __m256i v;
};
struct Mask {
  __m256 v;
};

FERRY_INLINE void pin(F32& a) { __asm__("" : "+x"(a.v)); }

FERRY_INLINE F32 zero() { return {_mm256_setzero_ps()}; }
FERRY_INLINE F32 splat(float x) { return {_mm256_set1_ps(x)}; }
FERRY_INLINE I32 splat_i(int32_t x) { return {_mm256_set1_epi32(x)}; }
FERRY_INLINE I32 iota_i() { return {_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)}; }

FERRY_INLINE Mask first_n(int64_t n) {
  return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(splat_i(static_cast<int32_t>(n)).v, iota_i().v))};
}
FERRY_INLINE Mask operator&(Mask a, Mask b) { return {_mm256_and_ps(a.v, b.v)}; }
FERRY_INLINE Mask operator|(Mask a, Mask b) { return {_mm256_or_ps(a.v, b.v)}; }
FERRY_INLINE Mask operator~(Mask a) {
  return {_mm256_xor_ps(a.v, _mm256_castsi256_ps(splat_i(-1).v))};
}
FERRY_INLINE bool any(Mask m) { return _mm256_movemask_ps(m.v) != 0; }
FERRY_INLINE bool all(Mask m) { return _mm256_movemask_ps(m.v) == 0xff; }

FERRY_INLINE F32 load(const float* p) { return {_mm256_loadu_ps(p)}; }
FERRY_INLINE F32 load(const float* p, Mask m) {
  return {_mm256_maskload_ps(p, _mm256_castps_si256(m.v))};
}
FERRY_INLINE F32 load_n(const float* p, int64_t n) { return load(p, first_n(n)); }
FERRY_INLINE void store(float* p, F32 v) { _mm256_storeu_ps(p, v.v); }
// Not by a masked store: that takes AMD's cores 16 cycles, and whoever reads the line next waits.
FERRY_INLINE void store_n(float* p, F32 v, int64_t n) {
  if (n >= kLanes) return store(p, v);
  __m128 part = _mm256_castps256_ps128(v.v);
  if ((n & 4) != 0) {
    _mm_storeu_ps(p, part);
    part = _mm256_extractf128_ps(v.v, 1);
    p += 4;
  }
  if ((n & 2) != 0) {
    _mm_storel_pi(reinterpret_cast<__m64*>(p), part);
    part = _mm_movehl_ps(part, part);
    p += 2;
  }
  if ((n & 1) != 0) _mm_store_ss(p, part);
}
FERRY_INLINE void store(float* p, F32 v, Mask m) {
  store_n(p, v, __builtin_popcount(static_cast<unsigned>(_mm256_movemask_ps(m.v))));
}
FERRY_INLINE I32 load(const int32_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
FERRY_INLINE I32 load_n(const int32_t* p, int64_t n) {
  return {_mm256_maskload_epi32(p, _mm256_castps_si256(first_n(n).v))};
}
FERRY_INLINE void store(int32_t* p, I32 v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v.v);
}
FERRY_INLINE void store_n(int32_t* p, I32 v, int64_t n) {
  _mm256_maskstore_epi32(p, _mm256_castps_si256(first_n(n).v), v.v);
}
FERRY_INLINE F32 permute(F32 a, I32 lane) { return {_mm256_permutevar8x32_ps(a.v, lane.v)}; }
// Lane i of the result is lane lane[i] mod 16 of a and then b.
FERRY_INLINE F32 permute(F32 a, F32 b, I32 lane) {
  const __m256 of_b = _mm256_castsi256_ps(_mm256_slli_epi32(lane.v, 28));
  return {_mm256_blendv_ps(permute(a, lane).v, permute(b, lane).v, of_b)};
}
template <int kLane>
FERRY_INLINE F32 splat_in_pairs(F32 a) {
  return {_mm256_permute_ps(a.v, 0xa0 + kLane * 0x55)};
}
template <int kLane>
FERRY_INLINE F32 splat_in_quads(F32 a) {
  return {_mm256_permute_ps(a.v, kLane * 0x55)};
}
FERRY_INLINE F32 gather(const float* base, I32 index) {
  return {_mm256_i32gather_ps(base, index.v, 4)};
}

FERRY_INLINE F32 operator+(F32 a, F32 b) { return {_mm256_add_ps(a.v, b.v)}; }
FERRY_INLINE F32 operator-(F32 a, F32 b) { return {_mm256_sub_ps(a.v, b.v)}; }
FERRY_INLINE F32 operator*(F32 a, F32 b) { return {_mm256_mul_ps(a.v, b.v)}; }
FERRY_INLINE F32 operator/(F32 a, F32 b) { return {_mm256_div_ps(a.v, b.v)}; }
FERRY_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
FERRY_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
FERRY_INLINE F32 fms(F32 a, F32 b, F32 c) { return {_mm256_fmsub_ps(a.v, b.v, c.v)}; }
FERRY_INLINE F32 min(F32 a, F32 b) { return {_mm256_min_ps(a.v, b.v)}; }
FERRY_INLINE F32 max(F32 a, F32 b) { return {_mm256_max_ps(a.v, b.v)}; }
FERRY_INLINE F32 sqrt(F32 a) { return {_mm256_sqrt_ps(a.v)}; }
FERRY_INLINE F32 round(F32 a) { return {_mm256_round_ps(a.v, 8)}; }
FERRY_INLINE F32 floor(F32 a) { return {_mm256_round_ps(a.v, 9)}; }
FERRY_INLINE F32 ceil(F32 a) { return {_mm256_round_ps(a.v, 10)}; }
FERRY_INLINE F32 trunc(F32 a) { return {_mm256_round_ps(a.v, 11)}; }

FERRY_INLINE Mask lt(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
FERRY_INLINE Mask le(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
FERRY_INLINE Mask gt(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)}; }
FERRY_INLINE Mask ge(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ)}; }
FERRY_INLINE Mask eq(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
FERRY_INLINE Mask ne(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_NEQ_UQ)}; }
FERRY_INLINE Mask is_nan(F32 a) { return {_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)}; }
FERRY_INLINE F32 select(Mask m, F32 yes, F32 no) { return {_mm256_blendv_ps(no.v, yes.v, m.v)}; }

FERRY_INLINE I32 operator+(I32 a, I32 b) { return {_mm256_add_epi32(a.v, b.v)}; }
FERRY_INLINE I32 operator-(I32 a, I32 b) { return {_mm256_sub_epi32(a.v, b.v)}; }
FERRY_INLINE I32 operator*(I32 a, I32 b) { return {_mm256_mullo_epi32(a.v, b.v)}; }
FERRY_INLINE I32 operator&(I32 a, I32 b) { return {_mm256_and_si256(a.v, b.v)}; }
FERRY_INLINE I32 operator|(I32 a, I32 b) { return {_mm256_or_si256(a.v, b.v)}; }
FERRY_INLINE I32 operator^(I32 a, I32 b) { return {_mm256_xor_si256(a.v, b.v)}; }
FERRY_INLINE I32 operator~(I32 a) { return a ^ splat_i(-1); }
FERRY_INLINE I32 min(I32 a, I32 b) { return {_mm256_min_epi32(a.v, b.v)}; }
FERRY_INLINE I32 max(I32 a, I32 b) { return {_mm256_max_epi32(a.v, b.v)}; }
FERRY_INLINE Mask lt(I32 a, I32 b) { return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(b.v, a.v))}; }
FERRY_INLINE Mask gt(I32 a, I32 b) { return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(a.v, b.v))}; }
FERRY_INLINE Mask eq(I32 a, I32 b) { return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.v, b.v))}; }
FERRY_INLINE I32 select(Mask m, I32 yes, I32 no) {
  return {_mm256_blendv_epi8(no.v, yes.v, _mm256_castps_si256(m.v))};
}
template <int kBits>
FERRY_INLINE I32 shl(I32 a) {
  return {_mm256_slli_epi32(a.v, kBits)};
}
template <int kBits>
FERRY_INLINE I32 shr(I32 a) {
  return {_mm256_srli_epi32(a.v, kBits)};
}
template <int kBits>
FERRY_INLINE I32 sar(I32 a) {
  return {_mm256_srai_epi32(a.v, kBits)};
}

FERRY_INLINE I32 bits(F32 a) { return {_mm256_castps_si256(a.v)}; }
FERRY_INLINE F32 from_bits(I32 a) { return {_mm256_castsi256_ps(a.v)}; }
FERRY_INLINE I32 to_i32(F32 a) { return {_mm256_cvtps_epi32(a.v)}; }
FERRY_INLINE I32 trunc_i32(F32 a) { return {_mm256_cvttps_epi32(a.v)}; }
FERRY_INLINE F32 to_f32(I32 a) { return {_mm256_cvtepi32_ps(a.v)}; }

// In two steps, because 2^n alone leaves the range of normal numbers before the product does.
FERRY_INLINE F32 scale_pow2(F32 x, F32 n) {
  const I32 whole = to_i32(n);
  const I32 half = sar<1>(whole), bias = splat_i(127);
  return x * from_bits(shl<23>(half + bias)) * from_bits(shl<23>(whole - half + bias));
}

// AVX2 has no masked bytes or halves: partial vectors go through a buffer on the stack.
template <class Byte>
FERRY_INLINE __m128i load_bytes(const Byte* p, int64_t n) {
  if (n == kLanes) return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  alignas(16) Byte buffer[16] = {};
  for (int64_t i = 0; i < n; ++i) buffer[i] = p[i];
  return _mm_load_si128(reinterpret_cast<const __m128i*>(buffer));
}
FERRY_INLINE I32 load_u8_n(const uint8_t* p, int64_t n) {
  return {_mm256_cvtepu8_epi32(load_bytes(p, n))};
}
FERRY_INLINE I32 load_i8_n(const int8_t* p, int64_t n) {
  return {_mm256_cvtepi8_epi32(load_bytes(p, n))};
}
FERRY_INLINE __m128i load_halves(const uint16_t* p, int64_t n) {
  if (n == kLanes) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  alignas(16) uint16_t buffer[8] = {};
  for (int64_t i = 0; i < n; ++i) buffer[i] = p[i];
  return _mm_load_si128(reinterpret_cast<const __m128i*>(buffer));
}
FERRY_INLINE void store_halves(uint16_t* p, __m128i v, int64_t n) {
  if (n == kLanes) return _mm_storeu_si128(reinterpret_cast<__m128i*>(p), v);
  alignas(16) uint16_t buffer[8];
  _mm_store_si128(reinterpret_cast<__m128i*>(buffer), v);
  for (int64_t i = 0; i < n; ++i) p[i] = buffer[i];
}
FERRY_INLINE I32 load_u16_n(const uint16_t* p, int64_t n) {
  return {_mm256_cvtepu16_epi32(load_halves(p, n))};
}
FERRY_INLINE void store_u8_n(uint8_t* p, I32 v, int64_t n) {
  if (n == kLanes) {
    const __m256i low = (v & splat_i(0xff)).v;
    const __m128i halves =
        _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    return _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(halves, halves));
  }
  alignas(32) int32_t buffer[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(buffer), v.v);
  for (int64_t i = 0; i < n; ++i) p[i] = static_cast<uint8_t>(buffer[i]);
}
FERRY_INLINE void store_u16_n(uint16_t* p, I32 v, int64_t n) {
  const __m256i low = (v & splat_i(0xffff)).v;
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08);
  store_halves(p, _mm256_castsi256_si128(packed), n);
}
FERRY_INLINE F32 load_f16_n(const uint16_t* p, int64_t n) {
  return {_mm256_cvtph_ps(load_halves(p, n))};
}
FERRY_INLINE void store_f16_n(uint16_t* p, F32 v, int64_t n) {
  store_halves(p, _mm256_cvtps_ph(v.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), n);
}
FERRY_INLINE F32 load_f16(const uint16_t* p) { return load_f16_n(p, kLanes); }
FERRY_INLINE void store_f16(uint16_t* p, F32 v) { store_f16_n(p, v, kLanes); }

// Lane i meets lane i + 4, then i + 2, i + 1.
#define FERRY_DEFINE_REDUCTION(name, op128)                                             \
  FERRY_INLINE float name(F32 a) {                                                      \
    const __m128 q = op128(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1)); \
    const __m128 d = op128(q, _mm_movehl_ps(q, q));                                     \
    return _mm_cvtss_f32(op128(d, _mm_shuffle_ps(d, d, 1)));                            \
  }
FERRY_DEFINE_REDUCTION(reduce_add, _mm_add_ps)
FERRY_DEFINE_REDUCTION(reduce_min, _mm_min_ps)
FERRY_DEFINE_REDUCTION(reduce_max, _mm_max_ps)
#undef FERRY_DEFINE_REDUCTION

FERRY_INLINE void transpose(F32 (&rows)[kLanes]) {
  __m256 t[8];
  FERRY_UNROLL
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(rows[i].v, rows[i + 1].v);
    t[i + 1] = _mm256_unpackhi_ps(rows[i].v, rows[i + 1].v);
  }
  // Columns 2 pair and 2 pair + 1 in each half.
  FERRY_UNROLL
  for (int pair = 0; pair < 2; ++pair) {
    const __m256 even_low = _mm256_shuffle_ps(t[pair], t[2 + pair], 0x44);
    const __m256 even_high = _mm256_shuffle_ps(t[4 + pair], t[6 + pair], 0x44);
    const __m256 odd_low = _mm256_shuffle_ps(t[pair], t[2 + pair], 0xee);
    const __m256 odd_high = _mm256_shuffle_ps(t[4 + pair], t[6 + pair], 0xee);
    rows[2 * pair].v = _mm256_permute2f128_ps(even_low, even_high, 0x20);
    rows[2 * pair + 1].v = _mm256_permute2f128_ps(odd_low, odd_high, 0x20);
    rows[4 + 2 * pair].v = _mm256_permute2f128_ps(even_low, even_high, 0x31);
    rows[5 + 2 * pair].v = _mm256_permute2f128_ps(odd_low, odd_high, 0x31);
  }
}

}  // namespace ferry::FERRY_ISA
