// SPDX-License-Identifier: Apache-2.0
// The matrix product that the reference kernels of MatMul, Gemm and Einsum share.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/status.h"
#include "ops/poll_every.h"
#include "tensor/visit.h"

namespace ferry {

// What products of T are summed in: double for floats of up to 32 bits, so that the reference is
// closer to the exact result than any fast kernel; unsigned for integers, so that they wrap.
template <class T>
struct Accumulate {
  using type = double;
};
template <class T>
requires std::is_integral_v<T>
struct Accumulate<T> {
  using type = std::conditional_t<sizeof(T) < 4, uint32_t, std::make_unsigned_t<T>>;
};
template <class T>
using accumulate_t = typename Accumulate<T>::type;

template <class T>
T round_sum(accumulate_t<T> sum) {
  return static_cast<T>(static_cast<compute_t<T>>(sum));
}

// sums[j] = sum over p of a[p a_step] b[p b_row + j b_col], for j in [0, n).
template <class T>
Status gemm_row(PollEvery& polls, const T* a, int64_t a_step, const T* b, int64_t b_row,
                int64_t b_col, int64_t k, int64_t n, accumulate_t<T>* sums) {
  using A = accumulate_t<T>;
  for (int64_t j = 0; j < n; ++j) sums[j] = 0;
  for (int64_t p = 0; p < k; ++p) {
    FERRY_RETURN_IF_ERROR(polls.spend(n));
    const A v = static_cast<A>(static_cast<compute_t<T>>(a[p * a_step]));
    const T* row = b + p * b_row;
    for (int64_t j = 0; j < n; ++j) {
      sums[j] += v * static_cast<A>(static_cast<compute_t<T>>(row[j * b_col]));
    }
  }
  return {};
}

}  // namespace ferry
