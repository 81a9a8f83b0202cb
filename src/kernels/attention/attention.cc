// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention/attention.h"

namespace ferry {

const AttentionKernels& attention_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kAttentionKernels);
}

}  // namespace ferry
