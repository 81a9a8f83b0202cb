// SPDX-License-Identifier: Apache-2.0
#include "kernels/move/copy_run.h"
#include "kernels/move/move.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

#if FERRY_ISA_LEVEL > 0
// Runs of up to kVectors vectors and of more than one less: the last one over what others copy.
template <int kVectors>
[[gnu::noinline]] void copy_vectors(const Runs& r) noexcept {
  constexpr int64_t kBytes = kLanes * int64_t{sizeof(float)};
  const auto* from = static_cast<const char*>(r.from);
  auto* to = static_cast<char*>(r.to);
  const auto part = [&](int j) { return j == kVectors - 1 ? r.bytes - kBytes : j * kBytes; };
  for (int64_t i = 0; i < r.count; ++i, from += r.from_pitch, to += r.to_pitch) {
    F32 v[kVectors];
    FERRY_UNROLL
    for (int j = 0; j < kVectors; ++j) v[j] = load(reinterpret_cast<const float*>(from + part(j)));
    FERRY_UNROLL
    for (int j = 0; j < kVectors; ++j) store(reinterpret_cast<float*>(to + part(j)), v[j]);
  }
}
#endif

void copy_runs(const Runs& r) noexcept {
#if FERRY_ISA_LEVEL > 0
  constexpr int64_t kBytes = kLanes * int64_t{sizeof(float)};
  if (r.bytes >= kBytes) {
    switch ((r.bytes + kBytes - 1) / kBytes) {
      case 1:
        return copy_vectors<1>(r);
      case 2:
        return copy_vectors<2>(r);
      case 3:
        return copy_vectors<3>(r);
      case 4:
        return copy_vectors<4>(r);
      default:
        break;
    }
  }
#endif
  const auto* from = static_cast<const char*>(r.from);
  auto* to = static_cast<char*>(r.to);
  for (int64_t i = 0; i < r.count; ++i, from += r.from_pitch, to += r.to_pitch) {
    copy_run(to, from, r.bytes);
  }
}

// One square of lanes; `rows` and `cols` are what of it exists.
FERRY_INLINE void square(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows,
                         int64_t cols) {
  F32 v[kLanes];
  if (rows == kLanes && cols == kLanes) {
    FERRY_UNROLL
    for (int i = 0; i < kLanes; ++i) v[i] = load(x + i * x_stride);
    transpose(v);
    FERRY_UNROLL
    for (int i = 0; i < kLanes; ++i) store(y + i * y_stride, v[i]);
    return;
  }
  FERRY_UNROLL
  for (int i = 0; i < kLanes; ++i) v[i] = i < rows ? load_n(x + i * x_stride, cols) : zero();
  transpose(v);
  FERRY_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    if (i < cols) store_n(y + i * y_stride, v[i], rows);
  }
}

// kParts dense rows become one of kParts values each, and back: loops that compilers turn into
// permutations, where squares would be mostly empty.
template <int kParts>
void interleave(const float* __restrict x, int64_t x_stride, float* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    FERRY_UNROLL
    for (int k = 0; k < kParts; ++k) y[i * kParts + k] = x[k * x_stride + i];
  }
}

template <int kParts>
void separate(const float* __restrict x, float* __restrict y, int64_t y_stride, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    FERRY_UNROLL
    for (int k = 0; k < kParts; ++k) y[k * y_stride + i] = x[i * kParts + k];
  }
}

// Few rows or columns without gaps; false when there are more.
bool transpose_few(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows,
                   int64_t cols) {
  if (y_stride == rows) {
    if (rows == 2) return interleave<2>(x, x_stride, y, cols), true;
    if (rows == 3) return interleave<3>(x, x_stride, y, cols), true;
    if (rows == 4) return interleave<4>(x, x_stride, y, cols), true;
  }
  if (x_stride == cols) {
    if (cols == 2) return separate<2>(x, y, y_stride, rows), true;
    if (cols == 3) return separate<3>(x, y, y_stride, rows), true;
    if (cols == 4) return separate<4>(x, y, y_stride, rows), true;
  }
  return false;
}

void transpose_f32(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows,
                   int64_t cols) noexcept {
  if (transpose_few(x, x_stride, y, y_stride, rows, cols)) return;
  // Columns of one cache line stay together, so that lines of x are read once.
  constexpr int64_t kLine = 16;
  for (int64_t c0 = 0; c0 < cols; c0 += kLine) {
    const int64_t c1 = smaller(cols, c0 + kLine);
    for (int64_t r = 0; r < rows; r += kLanes) {
      const int64_t height = smaller<int64_t>(kLanes, rows - r);
      for (int64_t c = c0; c < c1; c += kLanes) {
        square(x + r * x_stride + c, x_stride, y + c * y_stride + r, y_stride, height,
               smaller<int64_t>(kLanes, c1 - c));
      }
    }
  }
}

#if FERRY_ISA_LEVEL > 0
FERRY_INLINE __m256d load_4(const uint64_t* p) {
  return _mm256_loadu_pd(reinterpret_cast<const double*>(p));
}
FERRY_INLINE void store_4(uint64_t* p, __m256d v) {
  _mm256_storeu_pd(reinterpret_cast<double*>(p), v);
}
FERRY_INLINE void square_u64(const uint64_t* x, int64_t x_stride, uint64_t* y, int64_t y_stride) {
  const __m256d a = load_4(x), b = load_4(x + x_stride);
  const __m256d c = load_4(x + 2 * x_stride), d = load_4(x + 3 * x_stride);
  const __m256d ab0 = _mm256_unpacklo_pd(a, b), ab1 = _mm256_unpackhi_pd(a, b);
  const __m256d cd0 = _mm256_unpacklo_pd(c, d), cd1 = _mm256_unpackhi_pd(c, d);
  store_4(y, _mm256_permute2f128_pd(ab0, cd0, 0x20));
  store_4(y + y_stride, _mm256_permute2f128_pd(ab1, cd1, 0x20));
  store_4(y + 2 * y_stride, _mm256_permute2f128_pd(ab0, cd0, 0x31));
  store_4(y + 3 * y_stride, _mm256_permute2f128_pd(ab1, cd1, 0x31));
}
#else
FERRY_INLINE void square_u64(const uint64_t* x, int64_t x_stride, uint64_t* y, int64_t y_stride) {
  for (int64_t c = 0; c < 4; ++c) {
    for (int64_t r = 0; r < 4; ++r) y[c * y_stride + r] = x[r * x_stride + c];
  }
}
#endif

void transpose_u64(const uint64_t* x, int64_t x_stride, uint64_t* y, int64_t y_stride, int64_t rows,
                   int64_t cols) noexcept {
  // Columns of one cache line stay together, so that lines of x are read once.
  constexpr int64_t kLine = 8, kSquare = 4;
  for (int64_t c0 = 0; c0 < cols; c0 += kLine) {
    const int64_t c1 = smaller(cols, c0 + kLine);
    for (int64_t r0 = 0; r0 < rows; r0 += kSquare) {
      const int64_t r1 = smaller(rows, r0 + kSquare);
      int64_t c = c0;
      for (; c + kSquare <= c1 && r0 + kSquare <= rows; c += kSquare) {
        square_u64(x + r0 * x_stride + c, x_stride, y + c * y_stride + r0, y_stride);
      }
      for (; c < c1; ++c) {
        for (int64_t r = r0; r < r1; ++r) y[c * y_stride + r] = x[r * x_stride + c];
      }
    }
  }
}

// Loops of constant step, which compilers turn into permutations.
template <class T>
FERRY_INLINE void spread(const T* __restrict x, int64_t step, T* __restrict y, int64_t n) {
  if (step == 0) {
    const T v = *x;
    for (int64_t i = 0; i < n; ++i) y[i] = v;
  } else if (step == -1) {
    for (int64_t i = 0; i < n; ++i) y[i] = x[-i];
  } else if (step == 2) {
    for (int64_t i = 0; i < n; ++i) y[i] = x[2 * i];
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = x[i * step];
  }
}
void spread_u32(const uint32_t* x, int64_t step, uint32_t* y, int64_t n) noexcept {
  spread(x, step, y, n);
}
void spread_u64(const uint64_t* x, int64_t step, uint64_t* y, int64_t n) noexcept {
  spread(x, step, y, n);
}

}  // namespace

extern const MoveKernels kMoveKernels = {copy_runs, transpose_f32, transpose_u64, spread_u32,
                                         spread_u64};

}  // namespace ferry::FERRY_ISA
