// SPDX-License-Identifier: Apache-2.0
#include "kernels/vec.h"
#include "roof.h"

namespace ferry::FERRY_ISA {
namespace {

// More than latency x ports, on every core so far.
constexpr int kChains = kLanes == 4 ? 12 : 14;

void multiply_add(int64_t steps) noexcept {
  F32 acc[kChains];
  FERRY_UNROLL
  for (int i = 0; i < kChains; ++i) acc[i] = splat(static_cast<float>(i));
  F32 a = splat(0.999f), b = splat(1e-3f);
  for (int64_t s = 0; s < steps; ++s) {
    FERRY_UNROLL
    for (int i = 0; i < kChains; ++i) acc[i] = fma(acc[i], a, b);
  }
  F32 sum = zero();
  FERRY_UNROLL
  for (int i = 0; i < kChains; ++i) sum = sum + acc[i];
  volatile float keep = reduce_add(sum);
  static_cast<void>(keep);
}

float read(const float* x, int64_t n) noexcept {
  F32 s[4] = {zero(), zero(), zero(), zero()};
  for (int64_t i = 0; i + 4 * kLanes <= n; i += 4 * kLanes) {
    FERRY_UNROLL
    for (int j = 0; j < 4; ++j) s[j] = s[j] + load(x + i + j * kLanes);
  }
  return reduce_add((s[0] + s[1]) + (s[2] + s[3]));
}

}  // namespace

extern const RoofKernels kRoof = {2 * kChains * kLanes, multiply_add, read};

}  // namespace ferry::FERRY_ISA
