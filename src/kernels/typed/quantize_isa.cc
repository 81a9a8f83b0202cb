// SPDX-License-Identifier: Apache-2.0
// Compiled with the compiler's vectoriser on (see src/kernels/CMakeLists.txt).
#include "kernels/typed/quantize.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// Integers of 8 and 16 bits: their bounds, and vectors of them as 32-bit ones.
struct UInt8 {
  using type = uint8_t;
  static constexpr float kLow = 0, kHigh = 255;
  FERRY_INLINE static I32 load(const type* p, int64_t n) { return load_u8_n(p, n); }
  FERRY_INLINE static void store(type* p, I32 v, int64_t n) { store_u8_n(p, v, n); }
};
struct Int8 {
  using type = uint8_t;
  static constexpr float kLow = -128, kHigh = 127;
  FERRY_INLINE static I32 load(const type* p, int64_t n) {
    return sar<24>(shl<24>(load_u8_n(p, n)));
  }
  FERRY_INLINE static void store(type* p, I32 v, int64_t n) { store_u8_n(p, v, n); }
};
struct UInt16 {
  using type = uint16_t;
  static constexpr float kLow = 0, kHigh = 65535;
  FERRY_INLINE static I32 load(const type* p, int64_t n) { return load_u16_n(p, n); }
  FERRY_INLINE static void store(type* p, I32 v, int64_t n) { store_u16_n(p, v, n); }
};
struct Int16 {
  using type = uint16_t;
  static constexpr float kLow = -32768, kHigh = 32767;
  FERRY_INLINE static I32 load(const type* p, int64_t n) {
    return sar<16>(shl<16>(load_u16_n(p, n)));
  }
  FERRY_INLINE static void store(type* p, I32 v, int64_t n) { store_u16_n(p, v, n); }
};

// Masks take longer, known ones too.
template <class T>
FERRY_INLINE auto load_part(const T* p, int64_t n) {
  return n == kLanes ? load(p) : load_n(p, n);
}

// Scales and zero points of a row: one for all where the step is 0.
template <int kStep>
struct Parameters {
  const float* scale;
  const int32_t* zero;
  F32 one_scale = splat(*scale), one_zero = to_f32(splat_i(*zero));
  FERRY_INLINE F32 scale_at(int64_t i, int64_t n) const {
    return kStep == 0 ? one_scale : load_part(scale + i, n);
  }
  FERRY_INLINE F32 zero_at(int64_t i, int64_t n) const {
    return kStep == 0 ? one_zero : to_f32(load_part(zero + i, n));
  }
};

template <class Int, int kStep>
FERRY_INLINE void quantize_vector(const float* x, typename Int::type* y, int64_t i, int64_t n,
                                  const Parameters<kStep>& p) {
  const F32 q = round(load_part(x + i, n) / p.scale_at(i, n)) + p.zero_at(i, n);
  Int::store(y + i, trunc_i32(min(max(q, splat(Int::kLow)), splat(Int::kHigh))), n);
}
template <class Int, int kStep>
FERRY_INLINE void quantize_values(const float* x, typename Int::type* y, int64_t n,
                                  const float* scale, const int32_t* zero) {
  const Parameters<kStep> p{scale, zero};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) quantize_vector<Int, kStep>(x, y, i, kLanes, p);
  if (i < n) quantize_vector<Int, kStep>(x, y, i, n - i, p);
}
template <class Int>
void quantize(const float* x, void* y, int64_t n, const float* scale, const int32_t* zero,
              int64_t step) noexcept {
  auto* to = static_cast<typename Int::type*>(y);
  if (step == 0)
    quantize_values<Int, 0>(x, to, n, scale, zero);
  else
    quantize_values<Int, 1>(x, to, n, scale, zero);
}

// Differences are below 2^17: floats hold them.
template <class Int, int kStep>
FERRY_INLINE void dequantize_vector(const typename Int::type* x, float* y, int64_t i, int64_t n,
                                    const Parameters<kStep>& p) {
  store_n(y + i, (to_f32(Int::load(x + i, n)) - p.zero_at(i, n)) * p.scale_at(i, n), n);
}
template <class Int, int kStep>
FERRY_INLINE void dequantize_values(const typename Int::type* x, float* y, int64_t n,
                                    const float* scale, const int32_t* zero) {
  const Parameters<kStep> p{scale, zero};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) dequantize_vector<Int, kStep>(x, y, i, kLanes, p);
  if (i < n) dequantize_vector<Int, kStep>(x, y, i, n - i, p);
}
template <class Int>
void dequantize(const void* x, float* y, int64_t n, const float* scale, const int32_t* zero,
                int64_t step) noexcept {
  const auto* from = static_cast<const typename Int::type*>(x);
  if (step == 0)
    dequantize_values<Int, 0>(from, y, n, scale, zero);
  else
    dequantize_values<Int, 1>(from, y, n, scale, zero);
}

// Differences may need 33 bits.
void dequantize_i32(const void* x, float* y, int64_t n, const float* scale, const int32_t* zero,
                    int64_t step) noexcept {
  const auto* from = static_cast<const int32_t*>(x);
  if (step == 0 && *zero == 0) {
    const float s = *scale;
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(from[i]) * s;
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const int64_t difference = int64_t{from[i]} - int64_t{zero[i * step]};
    y[i] = static_cast<float>(difference) * scale[i * step];
  }
}

// Truncated and clamped, NaN is 0.
template <class Int>
FERRY_INLINE void f32_to_bytes(const float* x, uint8_t* y, int64_t n) {
  const F32 v = load_part(x, n), number = select(is_nan(v), zero(), v);
  store_u8_n(y, trunc_i32(min(max(number, splat(Int::kLow)), splat(Int::kHigh))), n);
}
template <class Int>
void f32_to_bytes(const void* x, void* y, int64_t n) noexcept {
  const auto* from = static_cast<const float*>(x);
  auto* to = static_cast<uint8_t*>(y);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) f32_to_bytes<Int>(from + i, to + i, kLanes);
  if (i < n) f32_to_bytes<Int>(from + i, to + i, n - i);
}
FERRY_INLINE I32 clamped_i32(F32 v) {
  const F32 end = splat(2147483648.0f);
  const I32 inside = trunc_i32(select(lt(abs(v), end), v, zero()));
  const I32 above = select(ge(v, end), splat_i(INT32_MAX), inside);
  return select(le(v, -end), splat_i(INT32_MIN), above);
}
void f32_to_i32(const void* x, void* y, int64_t n) noexcept {
  const auto* from = static_cast<const float*>(x);
  auto* to = static_cast<int32_t*>(y);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(to + i, clamped_i32(load(from + i)));
  if (i < n) store_n(to + i, clamped_i32(load_n(from + i, n - i)), n - i);
}
// Most 64-bit integers fit into 32 bits, which vectors convert.
void i64_to_f32(const void* x, void* y, int64_t n) noexcept {
  constexpr int64_t kBlock = 64;
  const auto* from = static_cast<const int64_t*>(x);
  auto* to = static_cast<float*>(y);
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t m = smaller(kBlock, n - i);
    int64_t large = 0;
    for (int64_t k = 0; k < m; ++k) large |= from[i + k] ^ static_cast<int32_t>(from[i + k]);
    if (large == 0) {
      for (int64_t k = 0; k < m; ++k) {
        to[i + k] = static_cast<float>(static_cast<int32_t>(from[i + k]));
      }
    } else {
      for (int64_t k = 0; k < m; ++k) to[i + k] = static_cast<float>(from[i + k]);
    }
  }
}

}  // namespace

QuantizeRow quantize_row(DType to) noexcept {
  switch (to) {
    case DType::kUInt8:
      return quantize<UInt8>;
    case DType::kInt8:
      return quantize<Int8>;
    case DType::kUInt16:
      return quantize<UInt16>;
    case DType::kInt16:
      return quantize<Int16>;
    default:
      return nullptr;
  }
}

DequantizeRow dequantize_row(DType from) noexcept {
  switch (from) {
    case DType::kUInt8:
      return dequantize<UInt8>;
    case DType::kInt8:
      return dequantize<Int8>;
    case DType::kUInt16:
      return dequantize<UInt16>;
    case DType::kInt16:
      return dequantize<Int16>;
    case DType::kInt32:
      return dequantize_i32;
    default:
      return nullptr;
  }
}

TypedUnaryRow float_cast(DType from, DType to) noexcept {
  // AVX-512 converts 64-bit integers itself.
  if (from == DType::kInt64 && to == DType::kFloat32 && FERRY_ISA_LEVEL == 1) return i64_to_f32;
  if (from != DType::kFloat32) return nullptr;
  switch (to) {
    case DType::kUInt8:
      return f32_to_bytes<UInt8>;
    case DType::kInt8:
      return f32_to_bytes<Int8>;
    case DType::kInt32:
      return f32_to_i32;
    default:
      return nullptr;
  }
}

}  // namespace ferry::FERRY_ISA
