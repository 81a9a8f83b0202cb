// SPDX-License-Identifier: Apache-2.0
#include "kernels/scan/scan.h"

namespace ferry {

const ScanKernels& scan_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kScanKernels);
}

}  // namespace ferry
