// SPDX-License-Identifier: Apache-2.0
// The CPU kernels of all operators: what the files src/ops/**/*_cpu.cc register.
#pragma once

#include "plan/step_kernel.h"

namespace ferry {

const KernelRegistry& cpu_kernels();

}  // namespace ferry
