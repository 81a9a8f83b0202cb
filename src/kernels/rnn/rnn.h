// SPDX-License-Identifier: Apache-2.0
// The elementwise half of recurrent cells in fp32, for one sequence: what happens to the gates
// after the matrix products. All arrays hold n = hidden elements per gate.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

struct RnnKernels {
  // gates: i o f c, linear. Updates the states c and h.
  void (*lstm)(const float* gates, float* c, float* h, int64_t n) noexcept;
  // gates: z r, linear; become their sigmoids. reset_h = r * h.
  void (*gru_reset)(float* gates, const float* h, float* reset_h, int64_t n) noexcept;
  // gates: z after its sigmoid, r unused, candidate linear. Updates h.
  void (*gru_finish)(const float* gates, float* h, int64_t n) noexcept;
  // For linear_before_reset: gates are x's part, recurrent is h's part of z r candidate.
  void (*gru_linear)(const float* gates, const float* recurrent, float* h, int64_t n) noexcept;
  // The only gate of a plain cell, linear. h = tanh(gate).
  void (*plain)(const float* gate, float* h, int64_t n) noexcept;
};
FERRY_DECLARE_ISA_TABLE(RnnKernels, kRnnKernels)

const RnnKernels& rnn_kernels(Isa isa) noexcept;

}  // namespace ferry
