// SPDX-License-Identifier: Apache-2.0
// Compiled with the compiler's vectoriser on (see src/kernels/CMakeLists.txt).
#include "kernels/typed/half.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

struct Float16 {
  static constexpr uint16_t kInfinity = 0x7c00;
  FERRY_INLINE static F32 load(const uint16_t* p) { return load_f16(p); }
  FERRY_INLINE static F32 load_n(const uint16_t* p, int64_t n) { return load_f16_n(p, n); }
  FERRY_INLINE static void store(uint16_t* p, F32 v) { store_f16(p, v); }
  FERRY_INLINE static void store_n(uint16_t* p, F32 v, int64_t n) { store_f16_n(p, v, n); }
};
struct Bfloat16 {
  static constexpr uint16_t kInfinity = 0x7f80;
  FERRY_INLINE static F32 load(const uint16_t* p) { return load_bf16(p); }
  FERRY_INLINE static F32 load_n(const uint16_t* p, int64_t n) { return load_bf16_n(p, n); }
  FERRY_INLINE static void store(uint16_t* p, F32 v) { store_bf16(p, v); }
  FERRY_INLINE static void store_n(uint16_t* p, F32 v, int64_t n) { store_bf16_n(p, v, n); }
};

template <TypedOp kOp>
FERRY_INLINE F32 combined(F32 u, F32 v) {
  if constexpr (kOp == TypedOp::kAdd) return u + v;
  if constexpr (kOp == TypedOp::kSub) return u - v;
  if constexpr (kOp == TypedOp::kMul) return u * v;
  if constexpr (kOp == TypedOp::kDiv) return u / v;
}

template <TypedOp kOp, class H>
void half_row(const void* a, int64_t a_step, const void* b, int64_t b_step, void* y,
              int64_t n) noexcept {
  if (n <= 0) return;
  const auto *p = static_cast<const uint16_t*>(a), *q = static_cast<const uint16_t*>(b);
  auto* to = static_cast<uint16_t*>(y);
  const F32 first_a = permute(H::load_n(p, 1), splat_i(0));
  const F32 first_b = permute(H::load_n(q, 1), splat_i(0));
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const F32 u = a_step != 0 ? H::load(p + i) : first_a;
    const F32 v = b_step != 0 ? H::load(q + i) : first_b;
    H::store(to + i, combined<kOp>(u, v));
  }
  if (i == n) return;
  const F32 u = a_step != 0 ? H::load_n(p + i, n - i) : first_a;
  const F32 v = b_step != 0 ? H::load_n(q + i, n - i) : first_b;
  H::store_n(to + i, combined<kOp>(u, v), n - i);
}

template <class H>
TypedBinaryRow row_of(TypedOp op) {
  switch (op) {
    case TypedOp::kAdd:
      return half_row<TypedOp::kAdd, H>;
    case TypedOp::kSub:
      return half_row<TypedOp::kSub, H>;
    case TypedOp::kMul:
      return half_row<TypedOp::kMul, H>;
    case TypedOp::kDiv:
      return half_row<TypedOp::kDiv, H>;
    default:
      return nullptr;
  }
}

template <class F>
FERRY_INLINE void map_bits(const void* x, void* y, int64_t n, F f) {
  const auto* from = static_cast<const uint16_t*>(x);
  auto* to = static_cast<uint16_t*>(y);
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<uint16_t>(f(from[i]));
}

void abs_row(const void* x, void* y, int64_t n) noexcept {
  map_bits(x, y, n, [](uint16_t v) { return v & 0x7fff; });
}
void neg_row(const void* x, void* y, int64_t n) noexcept {
  map_bits(x, y, n, [](uint16_t v) { return v ^ 0x8000; });
}
// Zero of what is below zero: of the bits after those of -0, up to minus infinity.
template <class H>
void relu_row(const void* x, void* y, int64_t n) noexcept {
  map_bits(x, y, n, [](uint16_t v) {
    return static_cast<uint16_t>(v - 0x8001) < H::kInfinity ? uint16_t{0} : v;
  });
}

}  // namespace

TypedBinaryRow half_binary(TypedOp op, DType type) noexcept {
  return type == DType::kFloat16 ? row_of<Float16>(op) : row_of<Bfloat16>(op);
}

TypedUnaryRow half_unary(TypedUnary op, DType type) noexcept {
  switch (op) {
    case TypedUnary::kAbs:
      return abs_row;
    case TypedUnary::kNeg:
      return neg_row;
    case TypedUnary::kRelu:
      return type == DType::kFloat16 ? relu_row<Float16> : relu_row<Bfloat16>;
    default:
      return nullptr;
  }
}

}  // namespace ferry::FERRY_ISA
