// SPDX-License-Identifier: Apache-2.0
#include "kernels/integer/integer.h"

namespace ferry {

#if defined(__x86_64__)
namespace avx512 {
extern const IntegerKernels kVnniIntegerKernels;
}
#endif

const IntegerKernels& integer_kernels(Isa isa) noexcept {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512 && cpu_info().avx512_vnni) return avx512::kVnniIntegerKernels;
#endif
  return FERRY_SELECT_ISA_TABLE(isa, kIntegerKernels);
}

}  // namespace ferry
