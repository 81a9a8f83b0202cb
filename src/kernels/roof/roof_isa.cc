// SPDX-License-Identifier: Apache-2.0
#include "kernels/roof/roof.h"
#include "kernels/vec.h"

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

// More sums than an addition's latency times the loads per cycle.
constexpr int kReads = 8;
static_assert(kRoofUnit % (kReads * kLanes) == 0);

float read(const float* x, int64_t n) noexcept {
  F32 s[kReads];
  FERRY_UNROLL
  for (int j = 0; j < kReads; ++j) s[j] = zero();
  for (int64_t i = 0; i + kReads * kLanes <= n; i += kReads * kLanes) {
    FERRY_UNROLL
    for (int j = 0; j < kReads; ++j) s[j] = s[j] + load(x + i + j * kLanes);
  }
  FERRY_UNROLL
  for (int j = 1; j < kReads; ++j) s[0] = s[0] + s[j];
  return reduce_add(s[0]);
}

void copy(const float* x, float* y, int64_t n) noexcept {
  for (int64_t i = 0; i + kReads * kLanes <= n; i += kReads * kLanes) {
    FERRY_UNROLL
    for (int j = 0; j < kReads; ++j) store(y + i + j * kLanes, load(x + i + j * kLanes));
  }
}

}  // namespace

extern const RoofKernels kRoof = {2 * kChains * kLanes, multiply_add, read, copy};

}  // namespace ferry::FERRY_ISA
