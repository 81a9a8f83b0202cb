// SPDX-License-Identifier: Apache-2.0
#include "kernels/rnn/rnn.h"

namespace ferry {

const RnnKernels& rnn_kernels(Isa isa) noexcept { return FERRY_SELECT_ISA_TABLE(isa, kRnnKernels); }

}  // namespace ferry
