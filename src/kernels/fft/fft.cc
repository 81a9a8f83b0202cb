// SPDX-License-Identifier: Apache-2.0
#include "kernels/fft/fft.h"

namespace ferry {

const FftKernels& fft_kernels(Isa isa) noexcept { return FERRY_SELECT_ISA_TABLE(isa, kFftKernels); }

}  // namespace ferry
