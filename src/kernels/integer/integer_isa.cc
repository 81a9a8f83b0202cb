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

constexpr int kVectors = 2;  // of columns in a panel
constexpr int kColumns = kVectors * kLanes;
// Sums that fit in registers beside two vectors of the panel, one of a and one product.
constexpr int kRows = kRegisters >= 32 ? 12 : 6;

template <int kCount>
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
      const I32 pair = splat_i(a[r * a_stride + k]);
      FERRY_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[r][v] = sums[r][v] + multiply_pairs(pair, b[v]);
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
template <int kCount>
FERRY_INLINE int64_t multiply_groups(const int32_t* a, int64_t a_stride, const int32_t* panel,
                                     int64_t pairs, int32_t* y, int64_t y_stride, int64_t r,
                                     int64_t rows, int64_t cols) {
  for (; r + kCount <= rows; r += kCount) {
    multiply_rows<kCount>(a + r * a_stride, a_stride, panel, pairs, y + r * y_stride, y_stride,
                          cols);
  }
  return r;
}

void multiply(const int32_t* a, int64_t a_stride, const int32_t* panel, int64_t pairs, int32_t* y,
              int64_t y_stride, int64_t rows, int64_t cols) noexcept {
  int64_t r = multiply_groups<kRows>(a, a_stride, panel, pairs, y, y_stride, 0, rows, cols);
  r = multiply_groups<4>(a, a_stride, panel, pairs, y, y_stride, r, rows, cols);
  r = multiply_groups<2>(a, a_stride, panel, pairs, y, y_stride, r, rows, cols);
  multiply_groups<1>(a, a_stride, panel, pairs, y, y_stride, r, rows, cols);
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

void requantize(const int32_t* x, int64_t n, const float* factor, int64_t factor_step,
                const int32_t* bias, int64_t bias_step, float zero, float low, float high,
                uint8_t* y) noexcept {
  const auto put = [&](int64_t i, uint32_t b, float f) {
    const auto sum = static_cast<int32_t>(static_cast<uint32_t>(x[i]) + b);
    const float q = __builtin_rintf(static_cast<float>(sum) * f) + zero;
    const float bounded = q > low ? (q < high ? q : high) : low;
    y[i] = static_cast<uint8_t>(static_cast<int32_t>(bounded));
  };
  if (factor_step == 0 && bias_step == 0) {
    const auto b = static_cast<uint32_t>(*bias);
    const float f = *factor;
    for (int64_t i = 0; i < n; ++i) put(i, b, f);
  } else {
    for (int64_t i = 0; i < n; ++i) {
      put(i, static_cast<uint32_t>(bias[i * bias_step]), factor[i * factor_step]);
    }
  }
}

}  // namespace

extern const IntegerKernels kIntegerKernels = {kColumns,      multiply,
                                               multiply_taps, {pair_up<uint8_t>, pair_up<int8_t>},
                                               copy_columns,  requantize};

}  // namespace ferry::FERRY_ISA
