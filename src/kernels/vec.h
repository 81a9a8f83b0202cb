// SPDX-License-Identifier: Apache-2.0
// The vector layer: fp32 and int32 lanes of one instruction set, for the files that are compiled
// once per set.
//
// How such a file is made
//   Its name ends in `_isa.cc` and it is listed in ferry_isa_sources(<target> ...) in the target's
//   CMakeLists.txt. The build compiles it once per set with that set's flags, -ffp-contract=off,
//   and FERRY_ISA defined as the namespace: scalar, avx2 or avx512. The file includes this header
//   and puts everything in it into `namespace ferry::FERRY_ISA`: its kernels in an unnamed
//   namespace, and one constant table of function pointers:
//
//     namespace ferry::FERRY_ISA {
//     namespace { void relu(const float* x, float* y, int64_t n) noexcept { ... } }
//     extern const RowKernels kRowKernels = {relu};
//     }
//
//   The family's plain header says FERRY_DECLARE_ISA_TABLE(RowKernels, kRowKernels), and an
//   ordinary .cc file picks with FERRY_SELECT_ISA_TABLE(isa, kRowKernels); both are in
//   kernels/isa.h.
// The trap
//   The linker keeps one copy of each function with external linkage. A std:: template, or an
//   inline function of an ordinary header, that is not inlined here would be that copy, with
//   AVX-512 code, for everyone. So: no std:: algorithms or containers, only FERRY_INLINE functions,
//   templates and lambdas inside FERRY_ISA. The test `isa_symbols` looks for strays in the object
//   files.
//
// What there is, for F32 and (where it makes sense) I32, both of kLanes lanes; comparisons give
// Mask
//   memory: load load_n store store_n gather pin; `_n` touches the first n lanes only,
//     0 <= n <= kLanes, and loads zeros elsewhere; a store with a mask takes one of first_n
//   constants: zero splat splat_i iota_i first_n
//   arithmetic: + - * / fma fnma fms sqrt abs copysign min max min_nan max_nan
//   rounding: round floor ceil trunc; scale_pow2(x, n): x 2^n for whole |n| <= 252
//   comparison: lt le gt ge eq ne is_nan select any all
//   lanes: reduce_add reduce_min reduce_max transpose permute; splat_in_pairs<i>(x) and
//     splat_in_quads<i>(x) have lane i of each two or four in all of them
//   bits: & | ^ ~ shl shr sar bits from_bits
//   conversion: to_i32 trunc_i32 to_f32 load_f16 store_bf16 load_u8_n ...
//
// `scalar` is four lanes of the compiler's vector extension; its fma rounds twice where the CPU has
// no such instruction.
#pragma once

#if !defined(FERRY_ISA)
#error "compile this file through ferry_isa_sources(): see the head of kernels/vec.h"
#endif

#include <cstdint>

#define FERRY_INLINE [[gnu::always_inline]] inline
#if defined(FERRY_NO_UNROLL)
#define FERRY_UNROLL
#elif defined(__clang__)
#define FERRY_UNROLL _Pragma("clang loop unroll(full)")
#else
#define FERRY_UNROLL _Pragma("GCC unroll 64")
#endif
#if defined(__clang__)
#define FERRY_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define FERRY_ROLLED _Pragma("GCC unroll 1")
#endif

#if FERRY_ISA_LEVEL == 2
#include "kernels/vec_avx512.h"
#elif FERRY_ISA_LEVEL == 1
#include "kernels/vec_avx2.h"
#else
#include "kernels/vec_scalar.h"
#endif

namespace ferry::FERRY_ISA {

// Into the first-level or the second-level cache. Any address is allowed.
FERRY_INLINE void prefetch(const void* p) { __builtin_prefetch(p, 0, 3); }
FERRY_INLINE void prefetch_l2(const void* p) { __builtin_prefetch(p, 0, 2); }

template <class T>
FERRY_INLINE constexpr T smaller(T a, T b) {
  return b < a ? b : a;
}
template <class T>
FERRY_INLINE constexpr T larger(T a, T b) {
  return a < b ? b : a;
}

FERRY_INLINE F32 operator-(F32 a) { return from_bits(bits(a) ^ splat_i(INT32_MIN)); }
FERRY_INLINE F32 abs(F32 a) { return from_bits(bits(a) & splat_i(INT32_MAX)); }
FERRY_INLINE F32 copysign(F32 magnitude, F32 sign) {
  return from_bits((bits(magnitude) & splat_i(INT32_MAX)) | (bits(sign) & splat_i(INT32_MIN)));
}

// min and max return b when either operand is NaN, so max(zero(), x) keeps a NaN in x and max(x,
// zero()) drops it. These two return a NaN when either operand is one.
FERRY_INLINE F32 min_nan(F32 a, F32 b) { return select(is_nan(a), a, min(a, b)); }
FERRY_INLINE F32 max_nan(F32 a, F32 b) { return select(is_nan(a), a, max(a, b)); }

// bfloat16 in memory, widened exactly; stores round to nearest even and keep NaN quiet.
FERRY_INLINE F32 load_bf16_n(const uint16_t* p, int64_t n) {
  return from_bits(shl<16>(load_u16_n(p, n)));
}
FERRY_INLINE void store_bf16_n(uint16_t* p, F32 v, int64_t n) {
  const I32 raw = bits(v);
  const I32 rounded = shr<16>(raw + splat_i(0x7fff) + (shr<16>(raw) & splat_i(1)));
  store_u16_n(p, select(is_nan(v), shr<16>(raw) | splat_i(0x40), rounded), n);
}
FERRY_INLINE F32 load_bf16(const uint16_t* p) { return load_bf16_n(p, kLanes); }
FERRY_INLINE void store_bf16(uint16_t* p, F32 v) { store_bf16_n(p, v, kLanes); }

}  // namespace ferry::FERRY_ISA
