// SPDX-License-Identifier: Apache-2.0
// Compiled with the compiler's vectoriser on (see src/kernels/CMakeLists.txt).
#include "kernels/functions/double_math.h"
#include "kernels/typed/half.h"
#include "kernels/typed/quantize.h"
#include "kernels/vec.h"
#include "kernels/wrap.h"

namespace ferry::FERRY_ISA {
namespace {

// Towards zero, wrapping; v is not 0. Exact: a quotient of 32-bit integers that is no integer is
// farther from one than a double rounds.
FERRY_INLINE int32_t quotient(int32_t u, int32_t v) {
  const double q = static_cast<double>(u) / static_cast<double>(v);
  return static_cast<int32_t>(q > 2147483647.0 ? q - 4294967296.0 : q);
}

template <TypedOp kOp, class T>
FERRY_INLINE T arithmetic(T u, T v) {
  using W = wrap_t<T>;
  if constexpr (kOp == TypedOp::kAdd) return static_cast<T>(W(u) + W(v));
  if constexpr (kOp == TypedOp::kSub) return static_cast<T>(W(u) - W(v));
  if constexpr (kOp == TypedOp::kMul) return static_cast<T>(W(u) * W(v));
  // As std::min and std::max with their operands in this order; a NaN wins, the first of two.
  if constexpr (kOp == TypedOp::kMin) {
    const T least = v < u || v != v ? v : u;
    return u != u ? u : least;
  }
  if constexpr (kOp == TypedOp::kMax) {
    const T most = u < v || v != v ? v : u;
    return u != u ? u : most;
  }
  if constexpr (kOp == TypedOp::kPRelu) return u < 0 ? u * v : u;
  if constexpr (kOp == TypedOp::kAnd) return u & v;
  if constexpr (kOp == TypedOp::kOr) return u | v;
  if constexpr (kOp == TypedOp::kXor) return u ^ v;
  if constexpr (kOp == TypedOp::kDiv) {
    if constexpr (std::is_floating_point_v<T>) {
      return u / v;
    } else if constexpr (sizeof(T) <= 4) {
      return quotient(u, v);
    } else if constexpr (static_cast<T>(-1) < T(0)) {
      return v == -1 ? static_cast<T>(W(0) - W(u)) : u / v;
    } else {
      return u / v;
    }
  }
  if constexpr (kOp == TypedOp::kMod || kOp == TypedOp::kFmod) {
    T r;
    if constexpr (sizeof(T) <= 4) {
      r = static_cast<T>(W(u) - static_cast<W>(quotient(u, v)) * W(v));
    } else {
      r = v == -1 ? T(0) : u % v;
    }
    if constexpr (kOp == TypedOp::kMod) return r != 0 && (r < 0) != (v < 0) ? r + v : r;
    return r;
  }
}

template <TypedOp kOp, class T>
FERRY_INLINE T shifted(T u, T v) {
  constexpr int kBits = static_cast<int>(sizeof(T) * 8);
  const bool out = v < 0 || v >= kBits;
  const T by = out ? T(0) : v;
  if constexpr (kOp == TypedOp::kShiftLeft) {
    return out ? T(0) : static_cast<T>(static_cast<wrap_t<T>>(u) << by);
  } else {
    return out ? (u < 0 ? static_cast<T>(-1) : T(0)) : static_cast<T>(u >> by);
  }
}

template <TypedOp kOp, class T>
FERRY_INLINE uint8_t compare(T u, T v) {
  if constexpr (kOp == TypedOp::kEqual) return u == v;
  if constexpr (kOp == TypedOp::kLess) return u < v;
  if constexpr (kOp == TypedOp::kLessOrEqual) return u <= v;
  if constexpr (kOp == TypedOp::kGreater) return u > v;
  if constexpr (kOp == TypedOp::kGreaterOrEqual) return u >= v;
}

// One loop per way of repeating, so that the vectoriser sees constant steps.
template <class T, class Y, class F>
FERRY_INLINE void map_row(const T* a, int64_t a_step, const T* b, int64_t b_step, Y* y, int64_t n,
                          F f) {
  if (a_step != 0 && b_step != 0) {
    for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
  } else if (a_step != 0) {
    const T v = *b;
    for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], v);
  } else if (b_step != 0) {
    const T u = *a;
    for (int64_t i = 0; i < n; ++i) y[i] = f(u, b[i]);
  } else {
    const Y r = f(*a, *b);
    for (int64_t i = 0; i < n; ++i) y[i] = r;
  }
}

template <TypedOp kOp, class T>
void arithmetic_row(const void* a, int64_t a_step, const void* b, int64_t b_step, void* y,
                    int64_t n) noexcept {
  map_row(static_cast<const T*>(a), a_step, static_cast<const T*>(b), b_step, static_cast<T*>(y), n,
          [](T u, T v) { return arithmetic<kOp>(u, v); });
}

// Quotients and remainders of 64-bit integers: where a block's are below 2^50 in doubles, which
// hold them and round no quotient to the next integer.
template <TypedOp kOp>
void divide_row(const void* a, int64_t a_step, const void* b, int64_t b_step, void* y,
                int64_t n) noexcept {
  constexpr int64_t kBlock = 64;
  const auto *from_a = static_cast<const int64_t*>(a), *from_b = static_cast<const int64_t*>(b);
  const uint64_t origin = bits_of(kRounder), half = uint64_t{1} << 50;
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t m = smaller(kBlock, n - i);
    int64_t u[kBlock] = {}, v[kBlock] = {}, r[kBlock];
    uint64_t large = FERRY_ISA_LEVEL == 0 ? 1 : 0;
    for (int64_t j = 0; j < m; ++j) {
      u[j] = from_a[(i + j) * a_step];
      v[j] = from_b[(i + j) * b_step];
      large |=
          (static_cast<uint64_t>(u[j]) + half) >> 51 | (static_cast<uint64_t>(v[j]) + half) >> 51;
    }
    if (large != 0) {
      for (int64_t j = 0; j < m; ++j) r[j] = arithmetic<kOp>(u[j], v[j]);
    } else {
      for (int64_t j = 0; j < kBlock; ++j) {
        const double p = double_of(origin + static_cast<uint64_t>(u[j])) - kRounder;
        const double q = double_of(origin + static_cast<uint64_t>(v[j])) - kRounder;
        const double whole = __builtin_trunc(p / q), rest = fma_double(-whole, q, p);
        const bool moves = kOp == TypedOp::kMod && rest != 0 && (rest < 0) != (q < 0);
        const double result = kOp == TypedOp::kDiv ? whole : rest + (moves ? q : 0.0);
        r[j] = static_cast<int64_t>(bits_of(result + kRounder) - origin);
      }
    }
    __builtin_memcpy(static_cast<int64_t*>(y) + i, r, static_cast<uint64_t>(m) * sizeof(int64_t));
  }
}

template <TypedOp kOp, class T>
void compare_row(const void* a, int64_t a_step, const void* b, int64_t b_step, void* y,
                 int64_t n) noexcept {
  map_row(static_cast<const T*>(a), a_step, static_cast<const T*>(b), b_step,
          static_cast<uint8_t*>(y), n, [](T u, T v) { return compare<kOp>(u, v); });
}

template <TypedOp kOp, class T>
void shift_row(const void* a, int64_t a_step, const void* b, int64_t b_step, void* y,
               int64_t n) noexcept {
  map_row(static_cast<const T*>(a), a_step, static_cast<const T*>(b), b_step, static_cast<T*>(y), n,
          [](T u, T v) { return shifted<kOp>(u, v); });
}

// What looks at bits alone, by the size of an element.
template <class T>
TypedBinaryRow bits_of(TypedOp op) {
  switch (op) {
    case TypedOp::kBitAnd:
      return arithmetic_row<TypedOp::kAnd, T>;
    case TypedOp::kBitOr:
      return arithmetic_row<TypedOp::kOr, T>;
    case TypedOp::kBitXor:
      return arithmetic_row<TypedOp::kXor, T>;
    default:
      return nullptr;
  }
}
TypedBinaryRow bits_binary(TypedOp op, DType type) {
  switch (type) {
    case DType::kInt8:
    case DType::kUInt8:
      return bits_of<uint8_t>(op);
    case DType::kInt16:
    case DType::kUInt16:
      return bits_of<uint16_t>(op);
    case DType::kInt32:
    case DType::kUInt32:
      return bits_of<uint32_t>(op);
    case DType::kInt64:
    case DType::kUInt64:
      return bits_of<uint64_t>(op);
    default:
      return nullptr;
  }
}

template <class T>
TypedBinaryRow shift_of(TypedOp op) {
  return op == TypedOp::kShiftLeft ? shift_row<TypedOp::kShiftLeft, T>
                                   : shift_row<TypedOp::kShiftRight, T>;
}
TypedBinaryRow shift_binary(TypedOp op, DType type) {
  switch (type) {
    case DType::kInt32:
      return shift_of<int32_t>(op);
    case DType::kInt64:
      return shift_of<int64_t>(op);
    case DType::kUInt32:
      return shift_of<uint32_t>(op);
    case DType::kUInt64:
      return shift_of<uint64_t>(op);
    default:
      return nullptr;
  }
}

// Remainders of floats: the quotient's whole part is right or one too many while a double holds its
// product with the divisor, and then what is left is exact. Others go to the C library, by element.
template <TypedOp kOp, class T>
void remainder_row(const void* a, int64_t a_step, const void* b, int64_t b_step, void* y,
                   int64_t n) noexcept {
  constexpr int64_t kBlock = 64;
  constexpr bool kFused = FERRY_ISA_LEVEL > 0;
  constexpr double kMost = sizeof(T) == 4 ? 0x1p28 : kFused ? 0x1p51 : 0;
  const T *from_a = static_cast<const T*>(a), *from_b = static_cast<const T*>(b);
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t m = smaller(kBlock, n - i);
    T u[kBlock] = {}, v[kBlock], r[kBlock];
    for (int64_t j = 0; j < kBlock; ++j) v[j] = 1;
    for (int64_t j = 0; j < m; ++j) u[j] = from_a[(i + j) * a_step];
    for (int64_t j = 0; j < m; ++j) v[j] = from_b[(i + j) * b_step];
    int64_t far = 0;
    for (int64_t j = 0; j < kBlock; ++j) {
      const double p = static_cast<double>(u[j]), q = static_cast<double>(v[j]);
      const double size = __builtin_fabs(q), ratio = __builtin_fabs(p) / size;
      const double rest = fma_double(-__builtin_trunc(ratio), size, __builtin_fabs(p));
      r[j] = static_cast<T>(__builtin_copysign(rest < 0 ? rest + size : rest, p));
      far |= ratio < kMost && size < __builtin_inf() ? 0 : 1;
    }
    for (int64_t j = 0; j < m && far != 0; ++j) {
      r[j] = static_cast<T>(__builtin_fmod(static_cast<double>(u[j]), static_cast<double>(v[j])));
    }
    for (int64_t j = 0; j < kBlock && kOp == TypedOp::kMod; ++j) {
      const T moved = (r[j] < 0) != (v[j] < 0) ? r[j] + v[j] : r[j];
      r[j] = r[j] == 0 ? static_cast<T>(__builtin_copysign(0.0, v[j])) : moved;
    }
    __builtin_memcpy(static_cast<T*>(y) + i, r, static_cast<uint64_t>(m) * sizeof(T));
  }
}

template <class T>
TypedBinaryRow remainder_of(TypedOp op) {
  if constexpr (std::is_floating_point_v<T>) {
    return op == TypedOp::kMod ? remainder_row<TypedOp::kMod, T> : remainder_row<TypedOp::kFmod, T>;
  } else {
    return op == TypedOp::kMod ? arithmetic_row<TypedOp::kMod, T>
                               : arithmetic_row<TypedOp::kFmod, T>;
  }
}
TypedBinaryRow remainder_binary(TypedOp op, DType type) {
  if (type == DType::kInt32) return remainder_of<int32_t>(op);
  if (type == DType::kFloat32) return remainder_of<float>(op);
  if (type == DType::kFloat64) return remainder_of<double>(op);
  if (type != DType::kInt64) return nullptr;
  return op == TypedOp::kMod ? divide_row<TypedOp::kMod> : divide_row<TypedOp::kFmod>;
}

template <class T>
FERRY_INLINE T power(T base, T exponent) {
  using W = wrap_t<T>;
  W b = static_cast<W>(base), y = 1;
  for (W e = static_cast<W>(exponent); e != 0; e >>= 1, b *= b) y *= (e & 1) != 0 ? b : W(1);
  return static_cast<T>(y);
}

template <class T>
void power_row(const void* a, int64_t a_step, const void* b, int64_t b_step, void* y,
               int64_t n) noexcept {
  using W = wrap_t<T>;
  const auto *base = static_cast<const T*>(a), *exponent = static_cast<const T*>(b);
  auto* to = static_cast<T*>(y);
  if (b_step != 0 || a_step == 0 || *exponent == 0) {
    for (int64_t i = 0; i < n; ++i) to[i] = power(base[i * a_step], exponent[i * b_step]);
    return;
  }
  // One exponent: blocks go through its bits together.
  constexpr int64_t kBlock = 64;
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t m = smaller(kBlock, n - i);
    W square[kBlock] = {}, product[kBlock];
    for (int64_t j = 0; j < m; ++j) square[j] = static_cast<W>(base[i + j]);
    W e = static_cast<W>(*exponent);
    for (; (e & 1) == 0; e >>= 1) {
      for (int64_t j = 0; j < kBlock; ++j) square[j] *= square[j];
    }
    for (int64_t j = 0; j < kBlock; ++j) product[j] = square[j];
    while ((e >>= 1) != 0) {
      for (int64_t j = 0; j < kBlock; ++j) square[j] *= square[j];
      for (int64_t j = 0; j < kBlock && (e & 1) != 0; ++j) product[j] *= square[j];
    }
    for (int64_t j = 0; j < m; ++j) to[i + j] = static_cast<T>(product[j]);
  }
}
TypedBinaryRow power_binary(DType type) {
  if (type == DType::kInt32) return power_row<int32_t>;
  return type == DType::kInt64 ? power_row<int64_t> : nullptr;
}

template <class T>
TypedBinaryRow binary_of(TypedOp op) {
  switch (op) {
    case TypedOp::kAdd:
      return arithmetic_row<TypedOp::kAdd, T>;
    case TypedOp::kSub:
      return arithmetic_row<TypedOp::kSub, T>;
    case TypedOp::kMul:
      return arithmetic_row<TypedOp::kMul, T>;
    case TypedOp::kDiv:
      if constexpr (sizeof(T) == 8 && !std::is_floating_point_v<T>)
        return divide_row<TypedOp::kDiv>;
      return arithmetic_row<TypedOp::kDiv, T>;
    case TypedOp::kMin:
      return arithmetic_row<TypedOp::kMin, T>;
    case TypedOp::kMax:
      return arithmetic_row<TypedOp::kMax, T>;
    case TypedOp::kEqual:
      return compare_row<TypedOp::kEqual, T>;
    case TypedOp::kLess:
      return compare_row<TypedOp::kLess, T>;
    case TypedOp::kLessOrEqual:
      return compare_row<TypedOp::kLessOrEqual, T>;
    case TypedOp::kGreater:
      return compare_row<TypedOp::kGreater, T>;
    case TypedOp::kGreaterOrEqual:
      return compare_row<TypedOp::kGreaterOrEqual, T>;
    default:
      return nullptr;
  }
}

TypedBinaryRow bool_binary(TypedOp op) {
  switch (op) {
    case TypedOp::kAnd:
      return arithmetic_row<TypedOp::kAnd, uint8_t>;
    case TypedOp::kOr:
      return arithmetic_row<TypedOp::kOr, uint8_t>;
    case TypedOp::kXor:
      return arithmetic_row<TypedOp::kXor, uint8_t>;
    case TypedOp::kEqual:
      return compare_row<TypedOp::kEqual, uint8_t>;
    default:
      return nullptr;
  }
}

TypedBinaryRow binary(TypedOp op, DType type) noexcept {
  switch (op) {
    case TypedOp::kBitAnd:
    case TypedOp::kBitOr:
    case TypedOp::kBitXor:
      return bits_binary(op, type);
    case TypedOp::kMod:
    case TypedOp::kFmod:
      return remainder_binary(op, type);
    case TypedOp::kPRelu:
      return type == DType::kFloat64 ? arithmetic_row<TypedOp::kPRelu, double> : nullptr;
    case TypedOp::kPow:
      return power_binary(type);
    case TypedOp::kShiftLeft:
    case TypedOp::kShiftRight:
      return shift_binary(op, type);
    default:
      break;
  }
  switch (type) {
    case DType::kFloat32:
      return binary_of<float>(op);
    case DType::kFloat64:
      return binary_of<double>(op);
    case DType::kInt32:
      return binary_of<int32_t>(op);
    case DType::kInt64:
      return binary_of<int64_t>(op);
    case DType::kFloat16:
    case DType::kBFloat16:
      return half_binary(op, type);
    case DType::kBool:
      return bool_binary(op);
    default:
      return nullptr;
  }
}

template <class T, class Y, class F>
FERRY_INLINE void map_unary(const void* x, void* y, int64_t n, F f) {
  const T* from = static_cast<const T*>(x);
  Y* to = static_cast<Y*>(y);
  for (int64_t i = 0; i < n; ++i) to[i] = f(from[i]);
}

template <class T>
void abs_row(const void* x, void* y, int64_t n) noexcept {
  using W = wrap_t<T>;
  map_unary<T, T>(x, y, n, [](T v) {
    if constexpr (std::is_floating_point_v<T>) return v < 0 ? -v : v + T(0);
    return v < 0 ? static_cast<T>(W(0) - W(v)) : v;
  });
}
template <class T>
void neg_row(const void* x, void* y, int64_t n) noexcept {
  using W = wrap_t<T>;
  map_unary<T, T>(x, y, n, [](T v) {
    if constexpr (std::is_floating_point_v<T>) return -v;
    return static_cast<T>(W(0) - W(v));
  });
}
template <class T>
void sign_row(const void* x, void* y, int64_t n) noexcept {
  map_unary<T, T>(x, y, n, [](T v) {
    const T sign = static_cast<T>((v > 0 ? T(1) : T(0)) - (v < 0 ? T(1) : T(0)));
    return v != v ? v : sign;
  });
}
template <class T>
void relu_row(const void* x, void* y, int64_t n) noexcept {
  map_unary<T, T>(x, y, n, [](T v) { return v < 0 ? T(0) : v; });
}
void not_row(const void* x, void* y, int64_t n) noexcept {
  map_unary<uint8_t, uint8_t>(x, y, n, [](uint8_t v) { return static_cast<uint8_t>(v ^ 1); });
}
template <class T>
void bit_not_row(const void* x, void* y, int64_t n) noexcept {
  map_unary<T, T>(x, y, n, [](T v) { return static_cast<T>(~v); });
}
template <class T>
void is_nan_row(const void* x, void* y, int64_t n) noexcept {
  map_unary<T, uint8_t>(x, y, n, [](T v) { return static_cast<uint8_t>(v != v); });
}
template <class T>
void is_inf_row(const void* x, void* y, int64_t n) noexcept {
  constexpr T kInfinity = static_cast<T>(__builtin_inf());
  map_unary<T, uint8_t>(
      x, y, n, [](T v) { return static_cast<uint8_t>((v == kInfinity) | (v == -kInfinity)); });
}

template <class T>
TypedUnaryRow unary_of(TypedUnary op) {
  switch (op) {
    case TypedUnary::kAbs:
      return abs_row<T>;
    case TypedUnary::kNeg:
      return neg_row<T>;
    case TypedUnary::kSign:
      return sign_row<T>;
    case TypedUnary::kRelu:
      return relu_row<T>;
    case TypedUnary::kIsNaN:
      return std::is_floating_point_v<T> ? is_nan_row<T> : nullptr;
    case TypedUnary::kIsInf:
      if constexpr (std::is_floating_point_v<T>) return is_inf_row<T>;
      return nullptr;
    default:
      return nullptr;
  }
}

TypedUnaryRow bit_not(DType type) {
  switch (type) {
    case DType::kInt8:
    case DType::kUInt8:
      return bit_not_row<uint8_t>;
    case DType::kInt16:
    case DType::kUInt16:
      return bit_not_row<uint16_t>;
    case DType::kInt32:
    case DType::kUInt32:
      return bit_not_row<uint32_t>;
    case DType::kInt64:
    case DType::kUInt64:
      return bit_not_row<uint64_t>;
    default:
      return nullptr;
  }
}

TypedUnaryRow unary(TypedUnary op, DType type) noexcept {
  if (op == TypedUnary::kBitNot) return bit_not(type);
  switch (type) {
    case DType::kFloat32:
      return unary_of<float>(op);
    case DType::kFloat64:
      return unary_of<double>(op);
    case DType::kInt32:
      return unary_of<int32_t>(op);
    case DType::kInt64:
      return unary_of<int64_t>(op);
    case DType::kFloat16:
    case DType::kBFloat16:
      return half_unary(op, type);
    case DType::kBool:
      return op == TypedUnary::kNot ? not_row : nullptr;
    default:
      return nullptr;
  }
}

// Integers from floating values are truncated and clamped, NaN is 0; among integers they wrap.
template <class To, class From>
FERRY_INLINE To converted(From v) {
  if constexpr (std::is_floating_point_v<From> && sizeof(To) == 1) {
    // Clamped as it is, which the vectoriser takes to 32-bit integers.
    constexpr bool kSigned = static_cast<To>(-1) < To(0);
    constexpr From kLow = kSigned ? From(-128) : From(0), kHigh = kSigned ? From(127) : From(255);
    const From number = v == v ? v : From(0), above = number > kLow ? number : kLow;
    return static_cast<To>(static_cast<int32_t>(above < kHigh ? above : kHigh));
  } else if constexpr (std::is_floating_point_v<From> && !std::is_floating_point_v<To>) {
    constexpr int kBits = static_cast<int>(sizeof(To) * 8) - (static_cast<To>(-1) < To(0) ? 1 : 0);
    // One more than the largest To, a power of two and so exact.
    constexpr From kEnd = static_cast<From>(uint64_t{1} << (kBits - 1)) * From(2);
    constexpr From kLow = static_cast<To>(-1) < To(0) ? -kEnd : From(0);
    constexpr To kMax = static_cast<To>(~uint64_t{0} >> (64 - kBits));
    const From in_range = v >= kEnd || v <= kLow || v != v ? From(0) : v;
    const To inside = static_cast<To>(in_range);
    return v >= kEnd ? kMax : v <= kLow ? static_cast<To>(kLow) : inside;
  } else {
    return static_cast<To>(v);
  }
}

template <class From, class To>
void cast_row(const void* x, void* y, int64_t n) noexcept {
  map_unary<From, To>(x, y, n, [](From v) { return converted<To>(v); });
}
// Most floats that become 64-bit integers fit into 32 bits, which vectors convert.
void f32_to_i64(const void* x, void* y, int64_t n) noexcept {
  constexpr int64_t kBlock = 64;
  constexpr float kLimit = 2147483648.0f;
  const auto* from = static_cast<const float*>(x);
  auto* to = static_cast<int64_t*>(y);
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t m = smaller(kBlock, n - i);
    int32_t large = 0;
    for (int64_t k = 0; k < m; ++k) large |= __builtin_fabsf(from[i + k]) < kLimit ? 0 : 1;
    if (large == 0) {
      for (int64_t k = 0; k < m; ++k) to[i + k] = static_cast<int32_t>(from[i + k]);
    } else {
      for (int64_t k = 0; k < m; ++k) to[i + k] = converted<int64_t>(from[i + k]);
    }
  }
}
template <class From>
void cast_bool_row(const void* x, void* y, int64_t n) noexcept {
  map_unary<From, uint8_t>(x, y, n, [](From v) { return static_cast<uint8_t>(v != From(0)); });
}
void f16_to_f32(const void* x, void* y, int64_t n) noexcept {
  const auto* from = static_cast<const uint16_t*>(x);
  auto* to = static_cast<float*>(y);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(to + i, load_f16(from + i));
  if (i < n) store_n(to + i, load_f16_n(from + i, n - i), n - i);
}
void f32_to_f16(const void* x, void* y, int64_t n) noexcept {
  const auto* from = static_cast<const float*>(x);
  auto* to = static_cast<uint16_t*>(y);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_f16(to + i, load(from + i));
  if (i < n) store_f16_n(to + i, load_n(from + i, n - i), n - i);
}
void bf16_to_f32(const void* x, void* y, int64_t n) noexcept {
  const auto* from = static_cast<const uint16_t*>(x);
  auto* to = static_cast<float*>(y);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(to + i, load_bf16(from + i));
  if (i < n) store_n(to + i, load_bf16_n(from + i, n - i), n - i);
}
void f32_to_bf16(const void* x, void* y, int64_t n) noexcept {
  const auto* from = static_cast<const float*>(x);
  auto* to = static_cast<uint16_t*>(y);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_bf16(to + i, load(from + i));
  if (i < n) store_bf16_n(to + i, load_n(from + i, n - i), n - i);
}

template <class From>
TypedUnaryRow cast_from(DType to) {
  constexpr bool kF32 = sizeof(From) == 4 && std::is_floating_point_v<From>;
  switch (to) {
    case DType::kFloat32:
      return cast_row<From, float>;
    case DType::kFloat64:
      return cast_row<From, double>;
    case DType::kInt8:
      if constexpr (!kF32) return cast_row<From, int8_t>;
      return nullptr;
    case DType::kUInt8:
      if constexpr (!kF32) return cast_row<From, uint8_t>;
      return nullptr;
    case DType::kInt32:
      if constexpr (!kF32) return cast_row<From, int32_t>;
      return nullptr;
    case DType::kInt64:
      if constexpr (kF32) return f32_to_i64;
      return cast_row<From, int64_t>;
    case DType::kBool:
      return cast_bool_row<From>;
    default:
      return nullptr;
  }
}

TypedUnaryRow cast(DType from, DType to) noexcept {
  if (const TypedUnaryRow row = float_cast(from, to)) return row;
  if (from == DType::kFloat16) return to == DType::kFloat32 ? f16_to_f32 : nullptr;
  if (to == DType::kFloat16) return from == DType::kFloat32 ? f32_to_f16 : nullptr;
  if (from == DType::kBFloat16) return to == DType::kFloat32 ? bf16_to_f32 : nullptr;
  if (to == DType::kBFloat16) return from == DType::kFloat32 ? f32_to_bf16 : nullptr;
  switch (from) {
    case DType::kFloat32:
      return cast_from<float>(to);
    case DType::kFloat64:
      return cast_from<double>(to);
    case DType::kInt8:
      return cast_from<int8_t>(to);
    case DType::kUInt8:
    case DType::kBool:
      return cast_from<uint8_t>(to);
    case DType::kInt32:
      return cast_from<int32_t>(to);
    case DType::kInt64:
      return cast_from<int64_t>(to);
    default:
      return nullptr;
  }
}

template <class T>
FERRY_INLINE void copy_or_fill(const T* from, int64_t step, T* y, int64_t n) {
  const T v = *from;
  if (step != 0) {
    for (int64_t i = 0; i < n; ++i) y[i] = from[i];
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = v;
  }
}

template <class T>
void select_row(const void* condition, int64_t condition_step, const void* a, int64_t a_step,
                const void* b, int64_t b_step, void* out, int64_t n) noexcept {
  const auto* c = static_cast<const uint8_t*>(condition);
  const T *p = static_cast<const T*>(a), *q = static_cast<const T*>(b);
  T* y = static_cast<T*>(out);
  if (condition_step == 0)
    return *c != 0 ? copy_or_fill(p, a_step, y, n) : copy_or_fill(q, b_step, y, n);
  const T u = *p, v = *q;
  // By masks: compilers make branches of choices between small integers.
  const auto choose = [c](int64_t k, T yes, T no) {
    const T mask = static_cast<T>(-static_cast<T>(c[k] != 0));
    return static_cast<T>((yes & mask) | (no & static_cast<T>(~mask)));
  };
  if (a_step != 0 && b_step != 0) {
    for (int64_t i = 0; i < n; ++i) y[i] = choose(i, p[i], q[i]);
  } else if (a_step != 0) {
    for (int64_t i = 0; i < n; ++i) y[i] = choose(i, p[i], v);
  } else if (b_step != 0) {
    for (int64_t i = 0; i < n; ++i) y[i] = choose(i, u, q[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = choose(i, u, v);
  }
}

SelectRow select_of(int element_bytes) noexcept {
  switch (element_bytes) {
    case 1:
      return select_row<uint8_t>;
    case 2:
      return select_row<uint16_t>;
    case 4:
      return select_row<uint32_t>;
    case 8:
      return select_row<uint64_t>;
    default:
      return nullptr;
  }
}

template <class T>
bool any_zero(const void* x, int64_t n) {
  const T* p = static_cast<const T*>(x);
  int32_t zeros = 0;
  for (int64_t i = 0; i < n; ++i) zeros |= p[i] == 0 ? 1 : 0;
  return zeros != 0;
}

bool has_zero(DType type, const void* x, int64_t n) noexcept {
  return type == DType::kInt32 ? any_zero<int32_t>(x, n) : any_zero<int64_t>(x, n);
}

}  // namespace

extern const TypedKernels kTypedKernels = {binary,       unary,          cast,    select_of,
                                           quantize_row, dequantize_row, has_zero};

}  // namespace ferry::FERRY_ISA
