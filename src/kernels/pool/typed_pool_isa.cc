// SPDX-License-Identifier: Apache-2.0
// Compiled with the compiler's vectoriser on (see src/kernels/CMakeLists.txt).
#include "kernels/pool/typed_pool.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// A constant step, where it is a usual one.
template <class T, int kStep>
FERRY_INLINE void max_by(const T* x, int64_t step, int32_t position, int32_t position_step,
                         T* __restrict best, int32_t* __restrict at, int64_t n) {
  if constexpr (kStep != 0) step = kStep;
  if (at == nullptr) {
    for (int64_t i = 0; i < n; ++i) {
      const T v = x[i * step], b = best[i];
      best[i] = v > b || v != v ? v : b;
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const T v = x[i * step], b = best[i];
    const bool wins = (at[i] < 0) | (v > b) | ((v != v) & (b == b));
    best[i] = wins ? v : b;
    at[i] = wins ? position + static_cast<int32_t>(i) * position_step : at[i];
  }
}

template <class T>
void max_tap(const void* x, int64_t step, int32_t position, int32_t position_step, void* best,
             int32_t* at, int64_t n) noexcept {
  const auto* from = static_cast<const T*>(x);
  auto* to = static_cast<T*>(best);
  if (step == 1) return max_by<T, 1>(from, step, position, position_step, to, at, n);
  if (step == 2) return max_by<T, 2>(from, step, position, position_step, to, at, n);
  max_by<T, 0>(from, step, position, position_step, to, at, n);
}

MaxTap maximum(DType type) noexcept {
  switch (type) {
    case DType::kFloat32:
      return max_tap<float>;
    case DType::kFloat64:
      return max_tap<double>;
    case DType::kInt8:
      return max_tap<int8_t>;
    case DType::kUInt8:
      return max_tap<uint8_t>;
    default:
      return nullptr;
  }
}

}  // namespace

extern const TypedPoolKernels kTypedPoolKernels = {maximum};

}  // namespace ferry::FERRY_ISA
