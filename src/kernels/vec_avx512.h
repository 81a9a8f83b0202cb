// SPDX-License-Identifier: Apache-2.0
// AVX-512 half of kernels/vec.h, which says what each function means.
#pragma once

#include <immintrin.h>

namespace ferry::FERRY_ISA {

inline constexpr int kLanes = 16;
inline constexpr int kRegisters = 32;

struct F32 {
  __m512 v;
};
struct I32 {
  __m512i v;
};
struct Mask {
  __mmask16 v;
};

FERRY_INLINE Mask first_n(int64_t n) { return {static_cast<__mmask16>((1u << n) - 1)}; }
FERRY_INLINE Mask operator&(Mask a, Mask b) { return {static_cast<__mmask16>(a.v & b.v)}; }
FERRY_INLINE Mask operator|(Mask a, Mask b) { return {static_cast<__mmask16>(a.v | b.v)}; }
FERRY_INLINE Mask operator~(Mask a) { return {static_cast<__mmask16>(~a.v)}; }
FERRY_INLINE bool any(Mask m) { return m.v != 0; }
FERRY_INLINE bool all(Mask m) { return m.v == 0xffff; }

FERRY_INLINE F32 load(const float* p) { return {_mm512_loadu_ps(p)}; }
FERRY_INLINE F32 load_n(const float* p, int64_t n) {
  return {_mm512_maskz_loadu_ps(first_n(n).v, p)};
}
FERRY_INLINE F32 load(const float* p, Mask m) { return {_mm512_maskz_loadu_ps(m.v, p)}; }
FERRY_INLINE void store(float* p, F32 v) { _mm512_storeu_ps(p, v.v); }
FERRY_INLINE void store_n(float* p, F32 v, int64_t n) {
  _mm512_mask_storeu_ps(p, first_n(n).v, v.v);
}
FERRY_INLINE void store(float* p, F32 v, Mask m) { _mm512_mask_storeu_ps(p, m.v, v.v); }
FERRY_INLINE I32 load(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
FERRY_INLINE I32 load_n(const int32_t* p, int64_t n) {
  return {_mm512_maskz_loadu_epi32(first_n(n).v, p)};
}
FERRY_INLINE void store(int32_t* p, I32 v) { _mm512_storeu_si512(p, v.v); }
FERRY_INLINE void store_n(int32_t* p, I32 v, int64_t n) {
  _mm512_mask_storeu_epi32(p, first_n(n).v, v.v);
}
// Lane i of the result is lane lane[i] of a; 0 <= lane[i] < kLanes.
FERRY_INLINE F32 permute(F32 a, I32 lane) { return {_mm512_permutexvar_ps(lane.v, a.v)}; }
// Lane i of the result is lane lane[i] mod 32 of a and then b.
FERRY_INLINE F32 permute(F32 a, F32 b, I32 lane) {
  return {_mm512_permutex2var_ps(a.v, lane.v, b.v)};
}
template <int kLane>
FERRY_INLINE F32 splat_in_pairs(F32 a) {
  return {_mm512_permute_ps(a.v, 0xa0 + kLane * 0x55)};
}
template <int kLane>
FERRY_INLINE F32 splat_in_quads(F32 a) {
  return {_mm512_permute_ps(a.v, kLane * 0x55)};
}
FERRY_INLINE F32 gather(const float* base, I32 index) {
  return {_mm512_i32gather_ps(index.v, base, 4)};
}

// Keeps a loaded vector in a register where the compiler would rather load it again for each use.
FERRY_INLINE void pin(F32& a) { __asm__("" : "+v"(a.v)); }

FERRY_INLINE F32 zero() { return {_mm512_setzero_ps()}; }
FERRY_INLINE F32 splat(float x) { return {_mm512_set1_ps(x)}; }
FERRY_INLINE I32 splat_i(int32_t x) { return {_mm512_set1_epi32(x)}; }
FERRY_INLINE I32 iota_i() {
  return {_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)};
}

FERRY_INLINE F32 operator+(F32 a, F32 b) { return {_mm512_add_ps(a.v, b.v)}; }
FERRY_INLINE F32 operator-(F32 a, F32 b) { return {_mm512_sub_ps(a.v, b.v)}; }
FERRY_INLINE F32 operator*(F32 a, F32 b) { return {_mm512_mul_ps(a.v, b.v)}; }
FERRY_INLINE F32 operator/(F32 a, F32 b) { return {_mm512_div_ps(a.v, b.v)}; }
FERRY_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
FERRY_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
FERRY_INLINE F32 fms(F32 a, F32 b, F32 c) { return {_mm512_fmsub_ps(a.v, b.v, c.v)}; }
FERRY_INLINE F32 min(F32 a, F32 b) { return {_mm512_min_ps(a.v, b.v)}; }
FERRY_INLINE F32 max(F32 a, F32 b) { return {_mm512_max_ps(a.v, b.v)}; }
FERRY_INLINE F32 sqrt(F32 a) { return {_mm512_sqrt_ps(a.v)}; }
FERRY_INLINE F32 round(F32 a) { return {_mm512_roundscale_ps(a.v, 8)}; }
FERRY_INLINE F32 floor(F32 a) { return {_mm512_roundscale_ps(a.v, 9)}; }
FERRY_INLINE F32 ceil(F32 a) { return {_mm512_roundscale_ps(a.v, 10)}; }
FERRY_INLINE F32 trunc(F32 a) { return {_mm512_roundscale_ps(a.v, 11)}; }
// x * 2^n for integral n, right down to subnormal results and up to infinity.
FERRY_INLINE F32 scale_pow2(F32 x, F32 n) { return {_mm512_scalef_ps(x.v, n.v)}; }

FERRY_INLINE Mask lt(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
FERRY_INLINE Mask le(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
FERRY_INLINE Mask gt(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
FERRY_INLINE Mask ge(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
FERRY_INLINE Mask eq(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
FERRY_INLINE Mask ne(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ)}; }
FERRY_INLINE Mask is_nan(F32 a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
FERRY_INLINE F32 select(Mask m, F32 yes, F32 no) {
  return {_mm512_mask_blend_ps(m.v, no.v, yes.v)};
}

FERRY_INLINE I32 operator+(I32 a, I32 b) { return {_mm512_add_epi32(a.v, b.v)}; }
FERRY_INLINE I32 operator-(I32 a, I32 b) { return {_mm512_sub_epi32(a.v, b.v)}; }
FERRY_INLINE I32 operator*(I32 a, I32 b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
FERRY_INLINE I32 operator&(I32 a, I32 b) { return {_mm512_and_si512(a.v, b.v)}; }
FERRY_INLINE I32 operator|(I32 a, I32 b) { return {_mm512_or_si512(a.v, b.v)}; }
FERRY_INLINE I32 operator^(I32 a, I32 b) { return {_mm512_xor_si512(a.v, b.v)}; }
FERRY_INLINE I32 operator~(I32 a) { return a ^ splat_i(-1); }
FERRY_INLINE I32 min(I32 a, I32 b) { return {_mm512_min_epi32(a.v, b.v)}; }
FERRY_INLINE I32 max(I32 a, I32 b) { return {_mm512_max_epi32(a.v, b.v)}; }
FERRY_INLINE Mask lt(I32 a, I32 b) { return {_mm512_cmplt_epi32_mask(a.v, b.v)}; }
FERRY_INLINE Mask gt(I32 a, I32 b) { return {_mm512_cmpgt_epi32_mask(a.v, b.v)}; }
FERRY_INLINE Mask eq(I32 a, I32 b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
FERRY_INLINE I32 select(Mask m, I32 yes, I32 no) {
  return {_mm512_mask_blend_epi32(m.v, no.v, yes.v)};
}
template <int kBits>
FERRY_INLINE I32 shl(I32 a) {
  return {_mm512_slli_epi32(a.v, kBits)};
}
template <int kBits>
FERRY_INLINE I32 shr(I32 a) {
  return {_mm512_srli_epi32(a.v, kBits)};
}
template <int kBits>
FERRY_INLINE I32 sar(I32 a) {
  return {_mm512_srai_epi32(a.v, kBits)};
}

FERRY_INLINE I32 bits(F32 a) { return {_mm512_castps_si512(a.v)}; }
FERRY_INLINE F32 from_bits(I32 a) { return {_mm512_castsi512_ps(a.v)}; }
// To the nearest, or towards zero; what does not fit an int32 is unspecified.
FERRY_INLINE I32 to_i32(F32 a) { return {_mm512_cvtps_epi32(a.v)}; }
FERRY_INLINE I32 trunc_i32(F32 a) { return {_mm512_cvttps_epi32(a.v)}; }
FERRY_INLINE F32 to_f32(I32 a) { return {_mm512_cvtepi32_ps(a.v)}; }

// Narrow integers in memory. Stores keep the low bits of each lane.
FERRY_INLINE I32 load_u8_n(const uint8_t* p, int64_t n) {
  return {_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first_n(n).v, p))};
}
FERRY_INLINE I32 load_i8_n(const int8_t* p, int64_t n) {
  return {_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(first_n(n).v, p))};
}
FERRY_INLINE I32 load_u16_n(const uint16_t* p, int64_t n) {
  return {_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first_n(n).v, p))};
}
FERRY_INLINE void store_u8_n(uint8_t* p, I32 v, int64_t n) {
  _mm512_mask_cvtepi32_storeu_epi8(p, first_n(n).v, v.v);
}
FERRY_INLINE void store_u16_n(uint16_t* p, I32 v, int64_t n) {
  _mm512_mask_cvtepi32_storeu_epi16(p, first_n(n).v, v.v);
}
FERRY_INLINE F32 load_f16(const uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
FERRY_INLINE F32 load_f16_n(const uint16_t* p, int64_t n) {
  return {_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_n(n).v, p))};
}
FERRY_INLINE void store_f16(uint16_t* p, F32 v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtps_ph(v.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
FERRY_INLINE void store_f16_n(uint16_t* p, F32 v, int64_t n) {
  _mm256_mask_storeu_epi16(p, first_n(n).v,
                           _mm512_cvtps_ph(v.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

// Halves are folded onto each other: lane i meets lane i + 8, then i + 4, i + 2, i + 1.
FERRY_INLINE __m256 fold_high(F32 a) { return _mm512_extractf32x8_ps(a.v, 1); }
FERRY_INLINE __m256 fold_low(F32 a) { return _mm512_castps512_ps256(a.v); }
#define FERRY_DEFINE_REDUCTION(name, op256, op128)                                  \
  FERRY_INLINE float name(F32 a) {                                                  \
    const __m256 h = op256(fold_low(a), fold_high(a));                              \
    const __m128 q = op128(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1)); \
    const __m128 d = op128(q, _mm_movehl_ps(q, q));                                 \
    return _mm_cvtss_f32(op128(d, _mm_shuffle_ps(d, d, 1)));                        \
  }
FERRY_DEFINE_REDUCTION(reduce_add, _mm256_add_ps, _mm_add_ps)
FERRY_DEFINE_REDUCTION(reduce_min, _mm256_min_ps, _mm_min_ps)
FERRY_DEFINE_REDUCTION(reduce_max, _mm256_max_ps, _mm_max_ps)
#undef FERRY_DEFINE_REDUCTION

// rows[i] lane j becomes rows[j] lane i.
FERRY_INLINE void transpose(F32 (&rows)[kLanes]) {
  __m512 t[16];
  FERRY_UNROLL
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(rows[i].v, rows[i + 1].v);
    t[i + 1] = _mm512_unpackhi_ps(rows[i].v, rows[i + 1].v);
  }
  __m512 u[16];
  FERRY_UNROLL
  for (int i = 0; i < 16; i += 4) {
    u[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  // u[4 b + c] holds, in its quarter q, column 4 q + c of rows 4 b .. 4 b + 3.
  FERRY_UNROLL
  for (int c = 0; c < 4; ++c) {
    const __m512 low_even = _mm512_shuffle_f32x4(u[c], u[4 + c], 0x88);
    const __m512 low_odd = _mm512_shuffle_f32x4(u[c], u[4 + c], 0xdd);
    const __m512 high_even = _mm512_shuffle_f32x4(u[8 + c], u[12 + c], 0x88);
    const __m512 high_odd = _mm512_shuffle_f32x4(u[8 + c], u[12 + c], 0xdd);
    rows[c].v = _mm512_shuffle_f32x4(low_even, high_even, 0x88);
    rows[4 + c].v = _mm512_shuffle_f32x4(low_odd, high_odd, 0x88);
    rows[8 + c].v = _mm512_shuffle_f32x4(low_even, high_even, 0xdd);
    rows[12 + c].v = _mm512_shuffle_f32x4(low_odd, high_odd, 0xdd);
  }
}

}  // namespace ferry::FERRY_ISA
