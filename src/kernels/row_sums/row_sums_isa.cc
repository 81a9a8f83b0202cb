// SPDX-License-Identifier: Apache-2.0
#include "kernels/row_sums/row_sums.h"
#include "kernels/vec.h"

namespace ferry::FERRY_ISA {
namespace {

// A register of doubles.
using Doubles = double __attribute__((vector_size(kLanes * sizeof(float))));
constexpr int kWidth = kLanes / 2, kParts = static_cast<int>(kSumRows) / kWidth;

// kVectors vectors from number j on: sums that do not wait for each other.
template <bool kSquared, int kVectors>
FERRY_INLINE void sum_of(const RowSumArgs& a, int64_t j) {
  Doubles sums[kVectors][kParts];
  FERRY_UNROLL
  for (int i = 0; i < kVectors * kParts; ++i) {
    const double start = a.start == nullptr ? 0 : static_cast<double>(a.start[j + i / kParts]);
    sums[i / kParts][i % kParts] = Doubles{} + start;
  }
  const float* vectors = a.vectors + j * a.features;
  for (int64_t k = 0; k < a.features; ++k) {
    FERRY_UNROLL
    for (int i = 0; i < kVectors; ++i) {
      const auto v = static_cast<double>(vectors[i * a.features + k]);
      FERRY_UNROLL
      for (int p = 0; p < kParts; ++p) {
        Doubles x;
        __builtin_memcpy(&x, a.rows + k * kSumRows + p * kWidth, sizeof x);
        const Doubles d = x - v;
        sums[i][p] += kSquared ? d * d : x * v;
      }
    }
  }
  FERRY_UNROLL
  for (int i = 0; i < kVectors; ++i) {
    FERRY_UNROLL
    for (int r = 0; r < kSumRows; ++r) {
      a.sums[r * a.count + j + i] = sums[i][r / kWidth][r % kWidth];
    }
  }
}

template <bool kSquared>
FERRY_INLINE void sum_all(const RowSumArgs& given) {
  const RowSumArgs a = given;
  int64_t j = 0;
  for (; j + 2 <= a.count; j += 2) sum_of<kSquared, 2>(a, j);
  if (j < a.count) sum_of<kSquared, 1>(a, j);
}

void products(const RowSumArgs& args) noexcept { sum_all<false>(args); }
void squared_distances(const RowSumArgs& args) noexcept { sum_all<true>(args); }

}  // namespace

extern const RowSumKernels kRowSumKernels = {products, squared_distances};

}  // namespace ferry::FERRY_ISA
