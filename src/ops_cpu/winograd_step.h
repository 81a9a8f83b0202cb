// SPDX-License-Identifier: Apache-2.0
// The step of a 3x3 convolution by Winograd's method.
#pragma once

#include <memory>
#include <vector>

#include "ops_cpu/conv_plan.h"
#include "plan/epilogue.h"

namespace ferry {

// `m` outputs per tile side: 2, 4 or 6. The weights [O, I, 3, 3] are transformed and packed.
Result<std::unique_ptr<StepKernel>> make_winograd_step(const KernelRequest& request, ConvPlan plan,
                                                       int64_t m, std::vector<float> bias,
                                                       const FusedAnchor& anchor);

}  // namespace ferry
