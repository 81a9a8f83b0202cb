// SPDX-License-Identifier: Apache-2.0
// Compiled with products and sums fused where the set has such an instruction (see
// src/kernels/CMakeLists.txt).
#include "kernels/in_pieces.h"
#include "kernels/product/product.h"

namespace ferry::FERRY_ISA {
namespace {

// Eight sums hide the latency of a fused multiply-add, four cycles of two each.
constexpr int kRows = 4, kVectors = 2;
constexpr int kVectorBytes = kLanes * 4;

template <class T>
struct Strip {
  typedef T V __attribute__((vector_size(kVectorBytes)));
  static constexpr int kWidth = kVectorBytes / static_cast<int>(sizeof(T));
  static constexpr int64_t kCols = kVectors * kWidth;
  // Rows of b that lie packed in the scratch: half of it, which stays in the first-level cache.
  static constexpr int64_t kDepth = kProductScratchBytes / 2 / (kCols * sizeof(T));
};

// c[r, :] (+)= a[r, :] times k packed rows of b.
template <class T, int kR>
FERRY_INLINE void tile(const T* a, int64_t a_row, int64_t a_col, const T* packed, T* c,
                       int64_t c_row, int64_t k, bool first) {
  using V = typename Strip<T>::V;
  V sum[kR][kVectors];
  FERRY_UNROLL
  for (int r = 0; r < kR; ++r) {
    FERRY_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = V{};
      if (!first) __builtin_memcpy(&sum[r][v], c + r * c_row + v * Strip<T>::kWidth, sizeof(V));
    }
  }
  for (int64_t p = 0; p < k; ++p, packed += Strip<T>::kCols, a += a_col) {
    V b[kVectors];
    FERRY_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      __builtin_memcpy(&b[v], packed + v * Strip<T>::kWidth, sizeof(V));
    }
    FERRY_UNROLL
    for (int r = 0; r < kR; ++r) {
      FERRY_UNROLL
      for (int v = 0; v < kVectors; ++v) sum[r][v] += b[v] * a[r * a_row];
    }
  }
  FERRY_UNROLL
  for (int r = 0; r < kR; ++r) {
    FERRY_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      __builtin_memcpy(c + r * c_row + v * Strip<T>::kWidth, &sum[r][v], sizeof(V));
    }
  }
}

// The same for the first n columns of a strip.
template <class T, int kR>
FERRY_INLINE void narrow_tile(const T* a, int64_t a_row, int64_t a_col, const T* packed, T* c,
                              int64_t c_row, int64_t k, bool first, int64_t n) {
  constexpr int64_t kCols = Strip<T>::kCols;
  T part[kR * kCols] = {};
  for (int r = 0; r < kR; ++r) {
    for (int64_t j = 0; j < n && !first; ++j) part[r * kCols + j] = c[r * c_row + j];
  }
  tile<T, kR>(a, a_row, a_col, packed, part, kCols, k, first);
  for (int r = 0; r < kR; ++r) {
    for (int64_t j = 0; j < n; ++j) c[r * c_row + j] = part[r * kCols + j];
  }
}

template <class T>
void pack(const T* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n, T* packed) {
  constexpr int64_t kCols = Strip<T>::kCols;
  for (int64_t p = 0; p < k; ++p, b += b_row, packed += kCols) {
    if (n == kCols && b_col == 1) {
      __builtin_memcpy(packed, b, kCols * sizeof(T));
      continue;
    }
    for (int64_t j = 0; j < kCols; ++j) packed[j] = j < n ? b[j * b_col] : T(0);
  }
}

template <class T>
void product(const ProductArgs& args) noexcept {
  constexpr int64_t kCols = Strip<T>::kCols, kDepth = Strip<T>::kDepth;
  const auto* a = static_cast<const T*>(args.a);
  const auto* b = static_cast<const T*>(args.b);
  auto* packed = static_cast<T*>(args.scratch);
  for (int64_t j = 0; j < args.n; j += kCols) {
    const int64_t n = smaller(kCols, args.n - j);
    for (int64_t p = 0; p == 0 || p < args.k; p += kDepth) {
      if (p % (16 * kDepth) == 15 * kDepth && leaves_off(args.pause)) return;
      const int64_t k = smaller(kDepth, args.k - p);
      pack(b + p * args.b_row + j * args.b_col, args.b_row, args.b_col, k, n, packed);
      const auto rows = [&]<int kR>(int64_t i) {
        const T* from = a + i * args.a_row + p * args.a_col;
        T* to = static_cast<T*>(args.c) + i * args.c_row + j;
        if (n == kCols)
          tile<T, kR>(from, args.a_row, args.a_col, packed, to, args.c_row, k, p == 0);
        else
          narrow_tile<T, kR>(from, args.a_row, args.a_col, packed, to, args.c_row, k, p == 0, n);
      };
      int64_t i = 0;
      for (; i + kRows <= args.m; i += kRows) rows.template operator()<kRows>(i);
      for (; i < args.m; ++i) rows.template operator()<1>(i);
    }
  }
}

Product of(DType type) noexcept {
  switch (type) {
    case DType::kFloat64:
      return product<double>;
    case DType::kInt32:
    case DType::kUInt32:
      return product<uint32_t>;
    case DType::kInt64:
    case DType::kUInt64:
      return product<uint64_t>;
    default:
      return nullptr;
  }
}

}  // namespace

extern const ProductKernels kProductKernels = {of};

}  // namespace ferry::FERRY_ISA
