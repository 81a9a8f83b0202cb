// SPDX-License-Identifier: Apache-2.0
#include "kernels/roof/roof.h"

namespace ferry {

const RoofKernels& roof_kernels(Isa isa) { return FERRY_SELECT_ISA_TABLE(isa, kRoof); }

}  // namespace ferry
