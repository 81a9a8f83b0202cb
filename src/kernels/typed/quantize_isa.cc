// SPDX-License-Identifier: Apache-2.0
// Compiled with the compiler's vectoriser on (see src/kernels/CMakeLists.txt).
#include "kernels/typed/quantize.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

template <class T>
inline constexpr bool kSigned = static_cast<T>(-1) < T(0);

template <class T>
FERRY_INLINE I32 load_bytes(const T* p, int64_t n) {
  if constexpr (kSigned<T>) return load_i8_n(p, n);
  return load_u8_n(reinterpret_cast<const uint8_t*>(p), n);
}

// Calls f(i, n) for vectors of n elements from i on.
template <class F>
FERRY_INLINE void for_vectors(int64_t n, F f) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) f(i, kLanes);
  if (i < n) f(i, n - i);
}

// A row's values: one for all where the step is 0.
FERRY_INLINE F32 values_at(const float* p, int64_t step, int64_t i, int64_t n) {
  return step == 0 ? splat(*p) : load_n(p + i, n);
}
FERRY_INLINE I32 values_at(const int32_t* p, int64_t step, int64_t i, int64_t n) {
  return step == 0 ? splat_i(*p) : load_n(p + i, n);
}

template <class T, int kStep>
FERRY_INLINE void quantize_values(const float* x, uint8_t* y, int64_t n, const float* scale,
                                  const int32_t* zero) {
  const F32 low = splat(kSigned<T> ? -128.0f : 0.0f), high = splat(kSigned<T> ? 127.0f : 255.0f);
  for_vectors(n, [&](int64_t i, int64_t m) FERRY_LAMBDA {
    const F32 ratio = load_n(x + i, m) / values_at(scale, kStep, i, m);
    const F32 q = round(ratio) + to_f32(values_at(zero, kStep, i, m));
    store_u8_n(y + i, trunc_i32(min(max(q, low), high)), m);
  });
}
