// SPDX-License-Identifier: Apache-2.0
// Compiled with the compiler's vectoriser on (see src/kernels/CMakeLists.txt).
#include "kernels/integer/integer.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// Lane i: a[2 i] b[2 i] + a[2 i + 1] b[2 i + 1] of 16-bit halves.
FERRY_INLINE I32 multiply_pairs(I32 a, I32 b) {
#if FERRY_ISA_LEVEL == 2
  return {_mm512_madd_epi16(a.v, b.v)};
#elif FERRY_ISA_LEVEL == 1
  return {_mm256_madd_epi16(a.v, b.v)};
#else
  const I32 low = sar<16>(shl<16>(a)) * sar<16>(shl<16>(b));
  return low + sar<16>(a) * sar<16>(b);
#endif
}

// What a word holds: pairs, or quads of which one side has a sign.
enum class Word : uint8_t { kPairs, kSignedPanel, kSignedRows };

// sum + the products in a word of the rows and one of the panel.
template <Word kWord>
FERRY_INLINE I32 add_words(I32 sum, I32 row, I32 panel) {
  if constexpr (kWord == Word::kPairs) return sum + multiply_pairs(row, panel);
#if FERRY_ISA_LEVEL == 2
  // Not the intrinsic: this file is compiled for processors without it too.
  const I32 any = kWord == Word::kSignedPanel ? row : panel,
            with_sign = kWord == Word::kSignedPanel ? panel : row;
  asm("vpdpbusd %2, %1, %0" : "+v"(sum.v) : "v"(any.v), "v"(with_sign.v));
  return sum;
#elif FERRY_ISA_LEVEL == 1
  const __m256i sums = kWord == Word::kSignedPanel ? _mm256_maddubs_epi16(row.v, panel.v)
                                                   : _mm256_maddubs_epi16(panel.v, row.v);
  return sum + I32{_mm256_madd_epi16(sums, _mm256_set1_epi16(1))};
#else
  return sum;
#endif
}

constexpr int kVectors = 2;  // of columns in a panel
constexpr int kColumns = kVectors * kLanes;
// Sums that fit in registers beside two vectors of the panel, one of a and one product.
constexpr int kRows = kRegisters >= 32 ? 12 : 6;

template <Word kWord, int kCount>
FERRY_INLINE void multiply_rows(const int32_t* a, int64_t a_stride, const int32_t* panel,
                                int64_t pairs, int32_t* y, int64_t y_stride, int64_t cols) {
  I32 sums[kCount][kVectors];
  FERRY_UNROLL
  for (int r = 0; r < kCount; ++r) {
    FERRY_UNROLL
    for (int v = 0; v < kVectors; ++v) sums[r][v] = splat_i(0);
  }
  for (int64_t k = 0; k < pairs; ++k, panel += kColumns) {
    I32 b[kVectors];
    FERRY_UNROLL
    for (int v = 0; v < kVectors; ++v) b[v] = load(panel + v * kLanes);
    FERRY_UNROLL
    for (int r = 0; r < kCount; ++r) {
      const I32 word = splat_i(a[r * a_stride + k]);
      FERRY_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        sums[r][v] = add_words<kWord>(sums[r][v], word, b[v]);
      }
    }
  }
  FERRY_UNROLL
  for (int r = 0; r < kCount; ++r) {
    FERRY_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      const int64_t left = cols - v * kLanes;
      int32_t* to = y + r * y_stride + v * kLanes;
      if (left >= kLanes) {
        store(to, sums[r][v]);
      } else if (left > 0) {
        store_n(to, sums[r][v], left);
      }
    }
  }
}

// Rows in groups of kCount as long as there are that many; returns how many are done.
template <Word kWord, int kCount>
FERRY_INLINE int64_t multiply_groups(const int32_t* a, int64_t a_stride, const int32_t* panel,
                                     int64_t pairs, int32_t* y, int64_t y_stride, int64_t r,
                                     int64_t rows, int64_t cols) {
  for (; r + kCount <= rows; r += kCount) {
    multiply_rows<kWord, kCount>(a + r * a_stride, a_stride, panel, pairs, y + r * y_stride,
                                 y_stride, cols);
  }
  return r;
}

template <Word kWord>
void multiply(const int32_t* a, int64_t a_stride, const int32_t* panel, int64_t pairs, int32_t* y,
              int64_t y_stride, int64_t rows, int64_t cols) noexcept {
  int64_t r = multiply_groups<kWord, kRows>(a, a_stride, panel, pairs, y, y_stride, 0, rows, cols);
  r = multiply_groups<kWord, 4>(a, a_stride, panel, pairs, y, y_stride, r, rows, cols);
  r = multiply_groups<kWord, 2>(a, a_stride, panel, pairs, y, y_stride, r, rows, cols);
  multiply_groups<kWord, 1>(a, a_stride, panel, pairs, y, y_stride, r, rows, cols);
}

void multiply_taps(const int32_t* w, const int32_t* const* taps, int64_t n, int32_t* y,
                   int64_t width) noexcept {
  for (int64_t i = 0; i < width; i += kColumns) {
    I32 low = splat_i(0), high = splat_i(0);
    for (int64_t t = 0; t < n; ++t) {
      const I32 pair = splat_i(w[t]);
      low = low + multiply_pairs(pair, load(taps[t] + i));
      high = high + multiply_pairs(pair, load(taps[t] + i + kLanes));
    }
    const int64_t left = width - i;
    if (left >= kColumns) {
      store(y + i, low);
      store(y + i + kLanes, high);
    } else {
      store_n(y + i, low, smaller<int64_t>(left, kLanes));
      if (left > kLanes) store_n(y + i + kLanes, high, left - kLanes);
    }
  }
}

FERRY_INLINE I32 load_bytes_as_i32(const uint8_t* p) { return load_u8_n(p, kLanes); }
FERRY_INLINE I32 load_bytes_as_i32(const int8_t* p) { return load_i8_n(p, kLanes); }

template <class T, bool kBoth>
FERRY_INLINE void pair_row(const T* a, const T* b, int64_t step, int32_t zero, int32_t* y,
                           int64_t n) {
  int64_t i = 0;
  const I32 z = splat_i(zero), low = splat_i(0xffff);
  for (; i + kLanes <= n && step == 1; i += kLanes) {
    I32 pair = (load_bytes_as_i32(a + i) - z) & low;
    if constexpr (kBoth) pair = pair | shl<16>(load_bytes_as_i32(b + i) - z);
    store(y + i, pair);
  }
  for (; i < n; ++i) {
    y[i] = (a[i * step] - zero) & 0xffff;
    if constexpr (kBoth) {
      y[i] |= static_cast<int32_t>(static_cast<uint32_t>(b[i * step] - zero) << 16);
    }
  }
}

template <class T>
void pair_up(const void* a, const void* b, int64_t step, int32_t zero, int32_t* y,
             int64_t n) noexcept {
  const auto *low = static_cast<const T*>(a), *high = static_cast<const T*>(b);
  if (b != nullptr)
    pair_row<T, true>(low, high, step, zero, y, n);
  else
    pair_row<T, false>(low, high, step, zero, y, n);
}

void copy_columns(const int32_t* x, int64_t x_stride, int64_t step, int32_t* panel, int64_t rows,
                  int64_t n) noexcept {
  for (int64_t r = 0; r < rows; ++r, x += x_stride, panel += kColumns) {
    if (n == kColumns && step == 1) {
      FERRY_UNROLL
      for (int v = 0; v < kVectors; ++v) store(panel + v * kLanes, load(x + v * kLanes));
    } else {
      int64_t i = 0;
      for (; i + kLanes <= n && step == 1; i += kLanes) store(panel + i, load(x + i));
      for (; i < n; ++i) panel[i] = x[i * step];
    }
  }
}

void quad_up(const uint8_t* const* x, int64_t step, uint32_t flip, int32_t* y, int64_t n) noexcept {
  const uint8_t *a = x[0], *b = x[1], *c = x[2], *d = x[3];
  int64_t i = 0;
  for (; i + kLanes <= n && step == 1; i += kLanes) {
    const I32 low = load_bytes_as_i32(a + i) | shl<8>(load_bytes_as_i32(b + i));
    const I32 high = load_bytes_as_i32(c + i) | shl<8>(load_bytes_as_i32(d + i));
    store(y + i, (low | shl<16>(high)) ^ splat_i(static_cast<int32_t>(flip)));
  }
  for (; i < n; ++i) {
    const int64_t at = i * step;
    const uint32_t quad =
        a[at] | uint32_t{b[at]} << 8 | uint32_t{c[at]} << 16 | uint32_t{d[at]} << 24;
    y[i] = static_cast<int32_t>(quad ^ flip);
  }
}

#if FERRY_ISA_LEVEL >= 1
FERRY_INLINE __m128i load_16(const uint8_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
// Each 128 bits of a vector from 16 bytes, `step` apart, in the order of `places`.
FERRY_INLINE I32 gather_quads(const uint8_t* p, int64_t step, __m128i places) {
#if FERRY_ISA_LEVEL == 2
  __m512i bytes = _mm512_castsi128_si512(load_16(p));
  bytes = _mm512_inserti32x4(bytes, load_16(p + step), 1);
  bytes = _mm512_inserti32x4(bytes, load_16(p + 2 * step), 2);
  bytes = _mm512_inserti32x4(bytes, load_16(p + 3 * step), 3);
  return {_mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(places))};
#else
  const __m256i bytes =
      _mm256_inserti128_si256(_mm256_castsi128_si256(load_16(p)), load_16(p + step), 1);
  return {_mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(places))};
#endif
}
// Of bytes without a sign: 0 and 2 of each quad as a pair, and 1 and 3.
FERRY_INLINE I32 even_bytes(I32 quads) { return quads & splat_i(0xff00ff); }
FERRY_INLINE I32 odd_bytes(I32 quads) { return even_bytes(shr<8>(quads)); }

template <bool kOneQuad>
FERRY_INLINE I32 slide_vector(const uint8_t* const* rows, int64_t at, int64_t n, const int32_t* w,
                              int64_t quads, int64_t step, int64_t dilation, __m128i places) {
  I32 sum = splat_i(0);
  for (int64_t r = 0; r < n; ++r) {
    const uint8_t* p = rows[r] + at;
    for (int64_t q = 0; q < (kOneQuad ? 1 : quads); ++q, p += 4 * dilation, w += 2) {
      const I32 quad = gather_quads(p, 4 * step, places);
      sum = sum + multiply_pairs(even_bytes(quad), splat_i(w[0]));
      sum = sum + multiply_pairs(odd_bytes(quad), splat_i(w[1]));
    }
  }
  return sum;
}

void slide(const uint8_t* const* rows, int64_t n, const int32_t* w, int64_t quads, int64_t step,
           int64_t dilation, const uint8_t* places, int32_t* y, int64_t width) noexcept {
  const __m128i shuffle = load_16(places);
  if (quads == 1) {
    for (int64_t i = 0; i < width; i += kLanes) {
      store(y + i, slide_vector<true>(rows, i * step, n, w, quads, step, dilation, shuffle));
    }
  } else {
    for (int64_t i = 0; i < width; i += kLanes) {
      store(y + i, slide_vector<false>(rows, i * step, n, w, quads, step, dilation, shuffle));
    }
  }
}
#endif

FERRY_INLINE void requantize_vector(const int32_t* x, int64_t n, F32 factor, I32 bias, float zero,
                                    float low, float high, uint8_t* y) {
  const I32 sum = (n == kLanes ? load(x) : load_n(x, n)) + bias;
  const F32 q = round(to_f32(sum) * factor) + splat(zero);
  store_u8_n(y, trunc_i32(min(max(q, splat(low)), splat(high))), n);
}

template <int kStep>
FERRY_INLINE void requantize_row(const int32_t* x, int64_t n, const float* factor,
                                 const int32_t* bias, float zero, float low, float high,
                                 uint8_t* y) {
  const F32 one_factor = splat(*factor);
  const I32 one_bias = splat_i(*bias);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    requantize_vector(x + i, kLanes, kStep == 0 ? one_factor : load(factor + i),
                      kStep == 0 ? one_bias : load(bias + i), zero, low, high, y + i);
  }
  if (i == n) return;
  requantize_vector(x + i, n - i, kStep == 0 ? one_factor : load_n(factor + i, n - i),
                    kStep == 0 ? one_bias : load_n(bias + i, n - i), zero, low, high, y + i);
}

void requantize(const int32_t* x, int64_t n, const float* factor, const int32_t* bias, int64_t step,
                float zero, float low, float high, uint8_t* y) noexcept {
  if (step == 0)
    requantize_row<0>(x, n, factor, bias, zero, low, high, y);
  else
    requantize_row<1>(x, n, factor, bias, zero, low, high, y);
}

#if FERRY_ISA_LEVEL == 0
constexpr decltype(IntegerKernels::slide) kSlide = nullptr;
#else
constexpr decltype(IntegerKernels::slide) kSlide = slide;
#endif

constexpr IntegerKernels with_quads(bool quads, bool any_quads) {
  IntegerKernels k = {};
  k.columns = kColumns;
  k.multiply = multiply<Word::kPairs>;
  if (quads) {
    k.multiply_quads[0] = multiply<Word::kSignedPanel>;
    k.multiply_quads[1] = multiply<Word::kSignedRows>;
  }
  k.any_quads = any_quads;
  k.quad_up = quad_up;
  k.slide = kSlide;
  k.multiply_taps = multiply_taps;
  k.pair_up[0] = pair_up<uint8_t>;
  k.pair_up[1] = pair_up<int8_t>;
  k.copy_columns = copy_columns;
  k.requantize = requantize;
  return k;
}

}  // namespace

extern constexpr IntegerKernels kIntegerKernels = with_quads(FERRY_ISA_LEVEL == 1, false);
#if FERRY_ISA_LEVEL == 2
extern constexpr IntegerKernels kVnniIntegerKernels = with_quads(true, true);
#endif

}  // namespace ferry::FERRY_ISA
