// SPDX-License-Identifier: Apache-2.0
// Compiled with the compiler's vectoriser on (see src/kernels/CMakeLists.txt).
#include "kernels/in_pieces.h"
#include "kernels/reduce/reduce.h"
#include "kernels/vec_math.h"
#include "kernels/wrap.h"

namespace ferry::FERRY_ISA {
namespace {

template <TypedReduction kKind, class T>
struct Fold {
  using W = wrap_t<T>;
  static constexpr bool kExtreme = kKind == TypedReduction::kMax || kKind == TypedReduction::kMin;
  // A step of the vectoriser takes a cycle.
  static constexpr bool kQuick =
      std::is_integral_v<T> && sizeof(T) <= 4 && kKind != TypedReduction::kProd;

  // What a value counts for by itself.
  FERRY_INLINE static T of(T v) {
    if constexpr (kKind == TypedReduction::kSumSquare) return static_cast<T>(W(v) * W(v));
    if constexpr (kKind == TypedReduction::kL1) return v < 0 ? static_cast<T>(W(0) - W(v)) : v;
    return v;
  }
  FERRY_INLINE static T merge(T a, T b) {
    if constexpr (kKind == TypedReduction::kProd) return static_cast<T>(W(a) * W(b));
    if constexpr (kExtreme) {
      const bool better = kKind == TypedReduction::kMax ? b > a : b < a;
      if constexpr (std::is_floating_point_v<T>) return a != a ? a : better || b != b ? b : a;
      return better ? b : a;
    }
    return static_cast<T>(W(a) + W(b));
  }
};

// Values of x from `i` on in chains, as far as they fill them all, reduced to one.
template <class F, int kChains, class T>
FERRY_INLINE T fold_chains(const T* x, int64_t n, int64_t& i) {
  T sum[kChains];
  for (int k = 0; k < kChains; ++k) sum[k] = F::of(x[i + k]);
  for (i += kChains; i + kChains <= n; i += kChains) {
    for (int k = 0; k < kChains; ++k) sum[k] = F::merge(sum[k], F::of(x[i + k]));
  }
  for (int width = kChains / 2; width > 0; width /= 2) {
    for (int k = 0; k < width; ++k) sum[k] = F::merge(sum[k], sum[k + width]);
  }
  return sum[0];
}

// In a fixed order, which the vectoriser may not choose for floats; for integers it may, and needs
// no help where a step takes a cycle.
template <class F, class T>
FERRY_INLINE T fold_piece(const T* x, int64_t n) {
  constexpr int kMany = 32, kFew = 8;
  T result = F::of(x[0]);
  int64_t i = 1;
  if constexpr (!F::kQuick) {
    if (n >= kFew) {
      i = 0;
      if (n >= 2 * kMany) {
        result = fold_chains<F, kMany>(x, n, i);
        if (n - i >= kFew) result = F::merge(result, fold_chains<F, kFew>(x, n, i));
      } else {
        result = fold_chains<F, kFew>(x, n, i);
      }
    }
  }
  for (; i < n; ++i) result = F::merge(result, F::of(x[i]));
  return result;
}

// Pieces by themselves, so that their loops keep the sums in registers; kPiece is part of the bits.
template <class F, class T>
FERRY_INLINE T fold_row(const T* x, int64_t n, const Pause& pause) {
  T result{};
  for (int64_t from = 0;;) {
    const T piece = fold_piece<F>(x + from, smaller(kPiece, n - from));
    result = from == 0 ? piece : F::merge(result, piece);
    from += kPiece;
    if (from >= n || leaves_off(pause)) return result;
  }
}

template <class F, class T>
FERRY_INLINE void fold_columns(const T* __restrict x, T* __restrict y, int64_t n, int64_t stride,
                               int64_t cols, const Pause& pause) {
  for (int64_t c = 0; c < cols; ++c) y[c] = F::of(x[c]);
  int64_t r = 1, left = kPiece;
  for (; r + 4 <= n; r += 4) {
    left -= 4 * cols + 64;
    if (left < 0) {
      if (leaves_off(pause)) return;
      left = kPiece;
    }
    const T *a = x + r * stride, *b = a + stride, *d = b + stride, *e = d + stride;
    for (int64_t c = 0; c < cols; ++c) {
      const T half = F::merge(F::merge(y[c], F::of(a[c])), F::of(b[c]));
      y[c] = F::merge(F::merge(half, F::of(d[c])), F::of(e[c]));
    }
  }
  for (; r < n; ++r) {
    const T* row = x + r * stride;
    for (int64_t c = 0; c < cols; ++c) y[c] = F::merge(y[c], F::of(row[c]));
  }
}

template <TypedReduction kKind, class T>
void fold(const void* from, void* to, int64_t blocks, int64_t n, int64_t stride, int64_t cols,
          const Pause& pause) noexcept {
  using F = Fold<kKind, T>;
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  for (int64_t o = 0; o < blocks; ++o, x += n * stride, y += stride) {
    if (cols == 1 && stride == 1)
      *y = fold_row<F>(x, n, pause);
    else
      fold_columns<F>(x, y, n, stride, cols, pause);
  }
}

template <class T>
TypedReduce arithmetic_of(TypedReduction kind) {
  switch (kind) {
    case TypedReduction::kSum:
      return fold<TypedReduction::kSum, T>;
    case TypedReduction::kProd:
      return fold<TypedReduction::kProd, T>;
    case TypedReduction::kMax:
      return fold<TypedReduction::kMax, T>;
    case TypedReduction::kMin:
      return fold<TypedReduction::kMin, T>;
    case TypedReduction::kSumSquare:
      return fold<TypedReduction::kSumSquare, T>;
    case TypedReduction::kL1:
      return fold<TypedReduction::kL1, T>;
  }
  return nullptr;
}

template <class T>
TypedReduce extreme_of(TypedReduction kind) {
  if (kind == TypedReduction::kMax) return fold<TypedReduction::kMax, T>;
  return kind == TypedReduction::kMin ? fold<TypedReduction::kMin, T> : nullptr;
}

TypedReduce typed(TypedReduction kind, DType type) noexcept {
  switch (type) {
    case DType::kFloat32:  // others: kernels/rows
      return kind == TypedReduction::kProd ? fold<TypedReduction::kProd, float> : nullptr;
    case DType::kFloat64:
      return arithmetic_of<double>(kind);
    case DType::kInt32:
      return arithmetic_of<int32_t>(kind);
    case DType::kInt64:
      return arithmetic_of<int64_t>(kind);
    case DType::kInt8:
      return extreme_of<int8_t>(kind);
    case DType::kUInt8:
    case DType::kBool:
      return extreme_of<uint8_t>(kind);
    default:
      return nullptr;
  }
}

constexpr float kInfinity = __builtin_inff();

// log(sum) + top; an infinite or NaN top is itself the result.
FERRY_INLINE F32 finish(F32 sum, F32 top) {
  return select(lt(abs(top), splat(kInfinity)), log(sum) + top, top);
}

template <class P>
FERRY_INLINE float row_top(const float* x, int64_t n, P pause) {
  F32 top = splat(-kInfinity);
  int64_t i = 0;
  const bool all = in_pieces(n, kPiece, pause, [&](int64_t, int64_t to) {
    for (; i + kLanes <= to; i += kLanes) top = max_nan(load(x + i), top);
  });
  if (all && i < n) {
    const Mask m = first_n(n - i);
    top = max_nan(select(m, load(x + i, m), splat(-kInfinity)), top);
  }
  return any(is_nan(top)) ? __builtin_nanf("") : reduce_max(top);
}

template <class P>
FERRY_INLINE void log_sum_exp_rows(const float* x, float* y, int64_t rows, int64_t n, P pause) {
  for (int64_t r = 0; r < rows; ++r, x += n) {
    const F32 top = splat(row_top(x, n, pause));
    F32 sum[2] = {zero(), zero()};
    int64_t i = 0;
    const bool all = in_pieces(n, kPiece, pause, [&](int64_t, int64_t to) {
      for (; i + 2 * kLanes <= to; i += 2 * kLanes) {
        sum[0] = sum[0] + exp(load(x + i) - top);
        sum[1] = sum[1] + exp(load(x + i + kLanes) - top);
      }
    });
    for (; all && i < n; i += kLanes) {
      const Mask m = first_n(smaller<int64_t>(kLanes, n - i));
      sum[0] = sum[0] + select(m, exp(load(x + i, m) - top), zero());
    }
    store_n(y + r, finish(splat(reduce_add(sum[0] + sum[1])), top), 1);
  }
}

void log_sum_exp(const float* x, float* y, int64_t rows, int64_t n, const Pause& pause) noexcept {
  with_pause(n, pause, [&](auto p) { log_sum_exp_rows(x, y, rows, n, p); });
}

void log_sum_exp_columns(const float* x, float* y, int64_t n, int64_t stride, int64_t cols,
                         const Pause& pause) noexcept {
  for (int64_t c = 0; c < cols; c += kLanes) {
    const Mask m = first_n(smaller<int64_t>(kLanes, cols - c));
    F32 top = load(x + c, m), sum = zero();
    bool all = in_pieces(n, kPiece / 8, pause, [&](int64_t r, int64_t to) {
      for (; r < to; ++r) top = max_nan(load(x + r * stride + c, m), top);
    });
    if (!all) return;
    all = in_pieces(n, kPiece / 8, pause, [&](int64_t r, int64_t to) {
      for (; r < to; ++r) sum = sum + exp(load(x + r * stride + c, m) - top);
    });
    if (!all) return;
    store(y + c, finish(sum, top), m);
  }
}

}  // namespace

extern const ReduceKernels kReduceKernels = {typed, log_sum_exp, log_sum_exp_columns};

}  // namespace ferry::FERRY_ISA
