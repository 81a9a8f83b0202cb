// SPDX-License-Identifier: Apache-2.0
// The steps of convolutions whose input and output stay in planes.
#pragma once

#include <vector>

#include "ops_cpu/conv_plan.h"
#include "plan/epilogue.h"

namespace ferry {

// For a Conv with planar_input and planar_output whose planar_kernel() (plan/planar_regions.h) is
// kDepthwise or kProduct.
Result<KernelOffer> make_planar_conv_step(const KernelRequest& request, ConvPlan plan,
                                          std::vector<float> bias, const FusedAnchor& anchor);

}  // namespace ferry
