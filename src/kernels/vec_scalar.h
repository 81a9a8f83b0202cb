// SPDX-License-Identifier: Apache-2.0
// Portable half of kernels/vec.h, which says what each function means: four lanes of the compiler's
// vector extension.
#pragma once

namespace ferry::FERRY_ISA {

inline constexpr int kLanes = 4;
inline constexpr int kRegisters = 16;

using Float4 = float __attribute__((vector_size(16)));
using Int4 = int32_t __attribute__((vector_size(16)));
using Uint4 = uint32_t __attribute__((vector_size(16)));

struct F32 {
  Float4 v;
};
struct I32 {
  Int4 v;
};
struct Mask {
  Int4 v;
};

FERRY_INLINE void pin(F32&) {}

FERRY_INLINE F32 zero() { return {Float4{0, 0, 0, 0}}; }
FERRY_INLINE F32 splat(float x) { return {Float4{x, x, x, x}}; }
FERRY_INLINE I32 splat_i(int32_t x) { return {Int4{x, x, x, x}}; }
FERRY_INLINE I32 iota_i() { return {Int4{0, 1, 2, 3}}; }

FERRY_INLINE Mask first_n(int64_t n) { return {splat_i(static_cast<int32_t>(n)).v > iota_i().v}; }
FERRY_INLINE Mask operator&(Mask a, Mask b) { return {a.v & b.v}; }
FERRY_INLINE Mask operator|(Mask a, Mask b) { return {a.v | b.v}; }
FERRY_INLINE Mask operator~(Mask a) { return {~a.v}; }
FERRY_INLINE bool any(Mask m) { return (m.v[0] | m.v[1] | m.v[2] | m.v[3]) != 0; }
FERRY_INLINE bool all(Mask m) { return (m.v[0] & m.v[1] & m.v[2] & m.v[3]) != 0; }

FERRY_INLINE F32 load(const float* p) {
  Float4 v;
  __builtin_memcpy(&v, p, sizeof v);
  return {v};
}
FERRY_INLINE void store(float* p, F32 v) { __builtin_memcpy(p, &v.v, sizeof v.v); }
FERRY_INLINE I32 load(const int32_t* p) {
  Int4 v;
  __builtin_memcpy(&v, p, sizeof v);
  return {v};
}
FERRY_INLINE void store(int32_t* p, I32 v) { __builtin_memcpy(p, &v.v, sizeof v.v); }

template <class Vector, class T>
FERRY_INLINE Vector load_lanes(const T* p, int64_t n) {
  Vector v = {};
  FERRY_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    if (i < n) v[i] = p[i];
  }
  return v;
}
template <class T, class Vector>
FERRY_INLINE void store_lanes(T* p, Vector v, int64_t n) {
  FERRY_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    if (i < n) p[i] = static_cast<T>(v[i]);
  }
}
FERRY_INLINE F32 load_n(const float* p, int64_t n) { return {load_lanes<Float4>(p, n)}; }
FERRY_INLINE void store_n(float* p, F32 v, int64_t n) { store_lanes(p, v.v, n); }
FERRY_INLINE I32 load_n(const int32_t* p, int64_t n) { return {load_lanes<Int4>(p, n)}; }
FERRY_INLINE void store_n(int32_t* p, I32 v, int64_t n) { store_lanes(p, v.v, n); }
FERRY_INLINE F32 load(const float* p, Mask m) {
  Float4 v = {};
  FERRY_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    if (m.v[i] != 0) v[i] = p[i];
  }
  return {v};
}
FERRY_INLINE void store(float* p, F32 v, Mask m) {
  FERRY_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    if (m.v[i] != 0) p[i] = v.v[i];
  }
}
FERRY_INLINE F32 permute(F32 a, I32 lane) {
  return {Float4{a.v[lane.v[0]], a.v[lane.v[1]], a.v[lane.v[2]], a.v[lane.v[3]]}};
}
// Lane i of the result is lane lane[i] mod 8 of a and then b.
FERRY_INLINE F32 permute(F32 a, F32 b, I32 lane) {
  const auto at = [&](int i) {
    return (lane.v[i] & 4) == 0 ? a.v[lane.v[i] & 3] : b.v[lane.v[i] & 3];
  };
  return {Float4{at(0), at(1), at(2), at(3)}};
}
template <int kLane>
FERRY_INLINE F32 splat_in_pairs(F32 a) {
  return {Float4{a.v[kLane], a.v[kLane], a.v[2 + kLane], a.v[2 + kLane]}};
}
template <int kLane>
FERRY_INLINE F32 splat_in_quads(F32 a) {
  return splat(a.v[kLane]);
}
FERRY_INLINE F32 gather(const float* base, I32 index) {
  return {Float4{base[index.v[0]], base[index.v[1]], base[index.v[2]], base[index.v[3]]}};
}

FERRY_INLINE I32 bits(F32 a) { return {reinterpret_cast<Int4>(a.v)}; }
FERRY_INLINE F32 from_bits(I32 a) { return {reinterpret_cast<Float4>(a.v)}; }

FERRY_INLINE I32 operator+(I32 a, I32 b) {
  return {reinterpret_cast<Int4>(reinterpret_cast<Uint4>(a.v) + reinterpret_cast<Uint4>(b.v))};
}
FERRY_INLINE I32 operator-(I32 a, I32 b) {
  return {reinterpret_cast<Int4>(reinterpret_cast<Uint4>(a.v) - reinterpret_cast<Uint4>(b.v))};
}
FERRY_INLINE I32 operator*(I32 a, I32 b) {
  return {reinterpret_cast<Int4>(reinterpret_cast<Uint4>(a.v) * reinterpret_cast<Uint4>(b.v))};
}
FERRY_INLINE I32 operator&(I32 a, I32 b) { return {a.v & b.v}; }
FERRY_INLINE I32 operator|(I32 a, I32 b) { return {a.v | b.v}; }
FERRY_INLINE I32 operator^(I32 a, I32 b) { return {a.v ^ b.v}; }
FERRY_INLINE I32 operator~(I32 a) { return {~a.v}; }
FERRY_INLINE Mask lt(I32 a, I32 b) { return {a.v < b.v}; }
FERRY_INLINE Mask gt(I32 a, I32 b) { return {a.v > b.v}; }
FERRY_INLINE Mask eq(I32 a, I32 b) { return {a.v == b.v}; }
FERRY_INLINE I32 select(Mask m, I32 yes, I32 no) { return {(yes.v & m.v) | (no.v & ~m.v)}; }
FERRY_INLINE I32 min(I32 a, I32 b) { return select(lt(a, b), a, b); }
FERRY_INLINE I32 max(I32 a, I32 b) { return select(gt(a, b), a, b); }
template <int kBits>
FERRY_INLINE I32 shl(I32 a) {
  return {reinterpret_cast<Int4>(reinterpret_cast<Uint4>(a.v) << kBits)};
}
template <int kBits>
FERRY_INLINE I32 shr(I32 a) {
  return {reinterpret_cast<Int4>(reinterpret_cast<Uint4>(a.v) >> kBits)};
}
template <int kBits>
FERRY_INLINE I32 sar(I32 a) {
  return {a.v >> kBits};
}

FERRY_INLINE F32 operator+(F32 a, F32 b) { return {a.v + b.v}; }
FERRY_INLINE F32 operator-(F32 a, F32 b) { return {a.v - b.v}; }
FERRY_INLINE F32 operator*(F32 a, F32 b) { return {a.v * b.v}; }
FERRY_INLINE F32 operator/(F32 a, F32 b) { return {a.v / b.v}; }
#if defined(__FP_FAST_FMAF)
FERRY_INLINE F32 fma(F32 a, F32 b, F32 c) {
  Float4 r;
  FERRY_UNROLL
  for (int i = 0; i < kLanes; ++i) r[i] = __builtin_fmaf(a.v[i], b.v[i], c.v[i]);
  return {r};
}
#else
FERRY_INLINE F32 fma(F32 a, F32 b, F32 c) { return {a.v * b.v + c.v}; }
#endif
FERRY_INLINE F32 fnma(F32 a, F32 b, F32 c) { return fma({-a.v}, b, c); }
FERRY_INLINE F32 fms(F32 a, F32 b, F32 c) { return fma(a, b, {-c.v}); }
FERRY_INLINE Mask lt(F32 a, F32 b) { return {a.v < b.v}; }
FERRY_INLINE Mask le(F32 a, F32 b) { return {a.v <= b.v}; }
FERRY_INLINE Mask gt(F32 a, F32 b) { return {a.v > b.v}; }
FERRY_INLINE Mask ge(F32 a, F32 b) { return {a.v >= b.v}; }
FERRY_INLINE Mask eq(F32 a, F32 b) { return {a.v == b.v}; }
FERRY_INLINE Mask ne(F32 a, F32 b) { return {a.v != b.v}; }
FERRY_INLINE Mask is_nan(F32 a) { return {a.v != a.v}; }
FERRY_INLINE F32 select(Mask m, F32 yes, F32 no) {
  return from_bits(select(m, bits(yes), bits(no)));
}
FERRY_INLINE F32 min(F32 a, F32 b) { return select(lt(a, b), a, b); }
FERRY_INLINE F32 max(F32 a, F32 b) { return select(gt(a, b), a, b); }
FERRY_INLINE F32 sqrt(F32 a) {
  Float4 r;
  FERRY_UNROLL
  for (int i = 0; i < kLanes; ++i) r[i] = __builtin_sqrtf(a.v[i]);
  return {r};
}
FERRY_INLINE F32 with_sign_of(F32 magnitude, F32 sign) {
  return from_bits((bits(magnitude) & splat_i(INT32_MAX)) | (bits(sign) & splat_i(INT32_MIN)));
}
// Adding 2^23 pushes the fraction out; numbers at least that large have none.
FERRY_INLINE F32 round(F32 a) {
  const F32 limit = splat(8388608.0f);
  const F32 magic = with_sign_of(limit, a);
  const F32 magnitude = from_bits(bits(a) & splat_i(INT32_MAX));
  return select(lt(magnitude, limit), with_sign_of((a + magic) - magic, a), a);
}
FERRY_INLINE F32 floor(F32 a) {
  const F32 r = round(a);
  return with_sign_of(select(gt(r, a), r - splat(1.0f), r), a);
}
FERRY_INLINE F32 ceil(F32 a) {
  const F32 r = round(a);
  return with_sign_of(select(lt(r, a), r + splat(1.0f), r), a);
}
FERRY_INLINE F32 trunc(F32 a) {
  return with_sign_of(floor(from_bits(bits(a) & splat_i(INT32_MAX))), a);
}
FERRY_INLINE I32 trunc_i32(F32 a) { return {__builtin_convertvector(a.v, Int4)}; }
FERRY_INLINE I32 to_i32(F32 a) { return trunc_i32(round(a)); }
FERRY_INLINE F32 to_f32(I32 a) { return {__builtin_convertvector(a.v, Float4)}; }

// In two steps, because 2^n alone leaves the range of normal numbers before the product does.
FERRY_INLINE F32 scale_pow2(F32 x, F32 n) {
  const I32 whole = to_i32(n);
  const I32 half = sar<1>(whole), bias = splat_i(127);
  return x * from_bits(shl<23>(half + bias)) * from_bits(shl<23>(whole - half + bias));
}

FERRY_INLINE I32 load_u8_n(const uint8_t* p, int64_t n) { return {load_lanes<Int4>(p, n)}; }
FERRY_INLINE I32 load_i8_n(const int8_t* p, int64_t n) { return {load_lanes<Int4>(p, n)}; }
FERRY_INLINE I32 load_u16_n(const uint16_t* p, int64_t n) { return {load_lanes<Int4>(p, n)}; }
FERRY_INLINE void store_u8_n(uint8_t* p, I32 v, int64_t n) { store_lanes(p, v.v, n); }
FERRY_INLINE void store_u16_n(uint16_t* p, I32 v, int64_t n) { store_lanes(p, v.v, n); }

// IEEE half by integer arithmetic. Subnormal halves are normal floats: they must not pass through a
// subnormal one, which the processor may count as zero.
FERRY_INLINE F32 load_f16_n(const uint16_t* p, int64_t n) {
  const I32 half = load_u16_n(p, n);
  const I32 sign = shl<16>(half & splat_i(0x8000)), rest = half & splat_i(0x7fff);
  const I32 normal = shl<13>(rest) + splat_i(112 << 23);
  const I32 subnormal = bits(to_f32(rest) * splat(0x1p-24f));
  const I32 finite = select(gt(splat_i(0x400), rest), subnormal, normal);
  const I32 special = shl<13>(rest) | splat_i(0x7f800000);
  const I32 quiet = select(gt(rest, splat_i(0x7c00)), splat_i(0x400000), splat_i(0));
  return from_bits(sign | select(gt(rest, splat_i(0x7bff)), special | quiet, finite));
}
FERRY_INLINE void store_f16_n(uint16_t* p, F32 v, int64_t n) {
  const I32 raw = bits(v), sign = shr<16>(raw) & splat_i(0x8000);
  const F32 magnitude = from_bits(raw & splat_i(INT32_MAX));
  const I32 m = bits(magnitude);
  const I32 odd = shr<13>(m) & splat_i(1);
  const I32 normal = shr<13>(m - splat_i(112 << 23) + splat_i(0xfff) + odd);
  const I32 subnormal = bits(magnitude + splat(0.5f)) - bits(splat(0.5f));
  const I32 nan = splat_i(0x7e00) | (shr<13>(m) & splat_i(0x3ff));
  I32 r = select(lt(magnitude, splat(0x1p-14f)), subnormal, normal);
  r = select(ge(magnitude, splat(65520.0f)), splat_i(0x7c00), r);
  store_u16_n(p, sign | select(is_nan(v), nan, r), n);
}
FERRY_INLINE F32 load_f16(const uint16_t* p) { return load_f16_n(p, kLanes); }
FERRY_INLINE void store_f16(uint16_t* p, F32 v) { store_f16_n(p, v, kLanes); }

// Lane i meets lane i + 2, then i + 1.
FERRY_INLINE float reduce_add(F32 a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
FERRY_INLINE float smaller_lane(float a, float b) { return a < b ? a : b; }
FERRY_INLINE float larger_lane(float a, float b) { return a > b ? a : b; }
FERRY_INLINE float reduce_min(F32 a) {
  return smaller_lane(smaller_lane(a.v[0], a.v[2]), smaller_lane(a.v[1], a.v[3]));
}
FERRY_INLINE float reduce_max(F32 a) {
  return larger_lane(larger_lane(a.v[0], a.v[2]), larger_lane(a.v[1], a.v[3]));
}

FERRY_INLINE void transpose(F32 (&rows)[kLanes]) {
  const Float4 a = rows[0].v, b = rows[1].v, c = rows[2].v, d = rows[3].v;
  FERRY_UNROLL
  for (int i = 0; i < kLanes; ++i) rows[i].v = Float4{a[i], b[i], c[i], d[i]};
}

}  // namespace ferry::FERRY_ISA
