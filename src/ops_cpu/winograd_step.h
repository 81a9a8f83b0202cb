// SPDX-License-Identifier: Apache-2.0
// The step of a convolution by Winograd's method.
#pragma once

#include <memory>
#include <vector>

#include "ops_cpu/conv_plan.h"
#include "plan/epilogue.h"

namespace ferry {

// `m` outputs per tile side, of winograd_sizes. The weights [O, I, kernel...] are transformed and
// packed.
Result<std::unique_ptr<StepKernel>> make_winograd_step(const KernelRequest& request, ConvPlan plan,
                                                       int64_t m, std::vector<float> bias,
                                                       const FusedAnchor& anchor);

}  // namespace ferry
