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

extern const IntegerKernels kIntegerKernels = {kColumns, multiply, requantize};

}  // namespace ferry::FERRY_ISA
