// SPDX-License-Identifier: Apache-2.0
// What attention does between its two matrix products, and both products for a few queries, in
// fp32. A row's result does not depend on what else is computed in the same call.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

// One row of scores on its way to probabilities.
struct ScoreRow {
  float scale = 1;
  float softcap = 0;                 // > 0: v becomes softcap * tanh(v / softcap)
  const float* bias = nullptr;       // added, or none
  const uint8_t* allowed = nullptr;  // 0: this key is not attended; or none
  int64_t begin = 0, end = 0;        // keys outside are not attended
};

struct AttentionKernels {
  // scores[0, n) become exp(score - top), 0 where a key is not attended. Returns their sum: 0 when
  // no key is attended or all are at -infinity, NaN when a score is NaN or +infinity.
  float (*probabilities)(const ScoreRow& row, float* scores, int64_t n) noexcept;
  // x[0, n) *= factor.
  void (*scale)(float* x, int64_t n, float factor) noexcept;
  // scores[j] = sum over d of q[d] * keys[j * pitch + d].
  void (*dot_keys)(const float* q, const float* keys, int64_t pitch, int64_t width, int64_t n,
                   float* scores) noexcept;
  // y[d] = sum over j of p[j] * values[j * pitch + d].
  void (*sum_values)(const float* p, const float* values, int64_t pitch, int64_t width, int64_t n,
                     float* y) noexcept;
};
FERRY_DECLARE_ISA_TABLE(AttentionKernels, kAttentionKernels)

const AttentionKernels& attention_kernels(Isa isa) noexcept;

}  // namespace ferry
