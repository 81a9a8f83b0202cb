// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/kernels.h"

namespace ferry {

void register_all_cpu_kernels(KernelRegistry& r);  // generated from the ferry_op lines

const KernelRegistry& cpu_kernels() {
  static const KernelRegistry* const registry = [] {
    auto* r = new KernelRegistry;
    register_all_cpu_kernels(*r);
    return r;
  }();
  return *registry;
}

}  // namespace ferry
