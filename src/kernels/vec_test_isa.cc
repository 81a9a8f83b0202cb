// SPDX-License-Identifier: Apache-2.0
#include "kernels/vec.h"
#include "kernels/vec_test.h"

namespace ferry::FERRY_ISA {
namespace {

#define FERRY_UNARY(name, expr)           \
  VecOps::Unary {                         \
    name, [](const float* pa, float* y) { \
      const F32 a = load(pa);             \
      store(y, expr);                     \
    }                                     \
  }
const VecOps::Unary kUnary[] = {
    FERRY_UNARY("neg", -a),         FERRY_UNARY("abs", abs(a)),     FERRY_UNARY("sqrt", sqrt(a)),
    FERRY_UNARY("round", round(a)), FERRY_UNARY("floor", floor(a)), FERRY_UNARY("ceil", ceil(a)),
    FERRY_UNARY("trunc", trunc(a)),
};

#define FERRY_BINARY(name, expr)                           \
  VecOps::Binary {                                         \
    name, [](const float* pa, const float* pb, float* y) { \
      const F32 a = load(pa), b = load(pb);                \
      store(y, expr);                                      \
    }                                                      \
  }
const VecOps::Binary kBinary[] = {
    FERRY_BINARY("add", a + b),
    FERRY_BINARY("sub", a - b),
    FERRY_BINARY("mul", a* b),
    FERRY_BINARY("div", a / b),
    FERRY_BINARY("min", min(a, b)),
    FERRY_BINARY("max", max(a, b)),
    FERRY_BINARY("min_nan", min_nan(a, b)),
    FERRY_BINARY("max_nan", max_nan(a, b)),
    FERRY_BINARY("copysign", copysign(a, b)),
    FERRY_BINARY("lt", select(lt(a, b), splat(1), zero())),
    FERRY_BINARY("le", select(le(a, b), splat(1), zero())),
    FERRY_BINARY("gt", select(gt(a, b), splat(1), zero())),
    FERRY_BINARY("ge", select(ge(a, b), splat(1), zero())),
    FERRY_BINARY("eq", select(eq(a, b), splat(1), zero())),
    FERRY_BINARY("ne", select(ne(a, b), splat(1), zero())),
    FERRY_BINARY("unordered", select(is_nan(a) | is_nan(b), splat(1), zero())),
    FERRY_BINARY("scale_pow2", scale_pow2(a, round(b))),
};

#define FERRY_BINARY_INT(name, expr)                             \
  VecOps::BinaryInt {                                            \
    name, [](const int32_t* pa, const int32_t* pb, int32_t* y) { \
      const I32 a = load(pa), b = load(pb);                      \
      static_cast<void>(a), static_cast<void>(b);                \
      store(y, expr);                                            \
    }                                                            \
  }
const VecOps::BinaryInt kBinaryInt[] = {
    FERRY_BINARY_INT("add", a + b),
    FERRY_BINARY_INT("sub", a - b),
    FERRY_BINARY_INT("mul", a* b),
    FERRY_BINARY_INT("and", a& b),
    FERRY_BINARY_INT("or", a | b),
    FERRY_BINARY_INT("xor", a ^ b),
    FERRY_BINARY_INT("not", ~a),
    FERRY_BINARY_INT("min", min(a, b)),
    FERRY_BINARY_INT("max", max(a, b)),
    FERRY_BINARY_INT("lt", select(lt(a, b), splat_i(1), splat_i(0))),
    FERRY_BINARY_INT("gt", select(gt(a, b), splat_i(1), splat_i(0))),
    FERRY_BINARY_INT("eq", select(eq(a, b), splat_i(1), splat_i(0))),
    FERRY_BINARY_INT("shl3", shl<3>(a)),
    FERRY_BINARY_INT("shr3", shr<3>(a)),
    FERRY_BINARY_INT("sar3", sar<3>(a)),
    FERRY_BINARY_INT("to_f32_and_back", trunc_i32(to_f32(sar<8>(a)))),
    FERRY_BINARY_INT("iota", iota_i()),
};

template <class T, int kCount>
constexpr int count(const T (&)[kCount]) {
  return kCount;
}

}  // namespace

extern const VecOps kVecOps = {
    .lanes = kLanes,
    .load_store_n = [](const float* x, float* y, int64_t n) { store_n(y, load_n(x, n), n); },
    .load_store_n_i = [](const int32_t* x, int32_t* y, int64_t n) { store_n(y, load_n(x, n), n); },
    .unary = kUnary,
    .unary_count = count(kUnary),
    .binary = kBinary,
    .binary_count = count(kBinary),
    .binary_int = kBinaryInt,
    .binary_int_count = count(kBinaryInt),
    .fma =
        [](const float* a, const float* b, const float* c, float* y) {
          store(y, fma(load(a), load(b), load(c)) + fnma(load(a), load(b), load(c)) +
                       fms(load(a), load(b), load(c)));
        },
    .transpose =
        [](float* square) {
          F32 rows[kLanes];
          for (int i = 0; i < kLanes; ++i) rows[i] = load(square + i * kLanes);
          transpose(rows);
          for (int i = 0; i < kLanes; ++i) store(square + i * kLanes, rows[i]);
        },
    .reduce_add = [](const float* a) { return reduce_add(load(a)); },
    .reduce_min = [](const float* a) { return reduce_min(load(a)); },
    .reduce_max = [](const float* a) { return reduce_max(load(a)); },
    .any_all =
        [](const float* a, const float* b) {
          const Mask m = lt(load(a), load(b));
          return (any(m) ? 1 : 0) + (all(m) ? 2 : 0);
        },
    .permute = [](const float* a, const int32_t* lane,
                  float* y) { store(y, permute(load(a), load(lane))); },
    .permute_two = [](const float* a, const float* b, const int32_t* lane,
                      float* y) { store(y, permute(load(a), load(b), load(lane))); },
    .splat_in_pairs = [](const float* a, float* y) { store(y, splat_in_pairs<1>(load(a))); },
    .splat_in_quads = [](const float* a, float* y) { store(y, splat_in_quads<2>(load(a))); },
    .gather = [](const float* base, const int32_t* index,
                 float* y) { store(y, gather(base, load(index))); },
    .f16_to_f32 = [](const uint16_t* x, float* y, int64_t n) { store_n(y, load_f16_n(x, n), n); },
    .f32_to_f16 = [](const float* x, uint16_t* y, int64_t n) { store_f16_n(y, load_n(x, n), n); },
    .bf16_to_f32 = [](const uint16_t* x, float* y, int64_t n) { store_n(y, load_bf16_n(x, n), n); },
    .f32_to_bf16 = [](const float* x, uint16_t* y, int64_t n) { store_bf16_n(y, load_n(x, n), n); },
    .bytes =
        [](const uint8_t* u, const int8_t* s, int32_t* wide_u, int32_t* wide_s, uint8_t* back,
           int64_t n) {
          store_n(wide_u, load_u8_n(u, n), n);
          store_n(wide_s, load_i8_n(s, n), n);
          store_u8_n(back, load_u8_n(u, n), n);
        },
};

}  // namespace ferry::FERRY_ISA
