// SPDX-License-Identifier: Apache-2.0
// gemm_tile that may leave off between the chunks of a long reduction; no bit depends on it.
#pragma once

#include "kernels/gemm/gemm.h"
#include "kernels/pause.h"

namespace ferry {

void gemm_tile_paused(const GemmKernels& kernels, const GemmBlocking& blocking,
                      const GemmArgs& args, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                      const Pause& pause) noexcept;

}  // namespace ferry
