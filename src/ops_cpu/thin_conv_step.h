// SPDX-License-Identifier: Apache-2.0
// The steps of convolutions with few input or output channels, which stay in planes.
#pragma once

#include <memory>
#include <vector>

#include "ops_cpu/conv_plan.h"
#include "plan/epilogue.h"

namespace ferry {

// For a Conv with planar_input or planar_output. `w` is [O, I, kw] or [O, I, kh, kw]; it is
// packed here.
Result<KernelOffer> make_thin_conv_step(const KernelRequest& request, ConvPlan plan,
                                        const Tensor& w, std::vector<float> bias,
                                        const FusedAnchor& anchor);

// Large kernels on few planar channels: several shifted copies of the image side by side make a 3x3
// convolution of more channels, which Winograd's method takes. Null where that does not pay.
Result<std::unique_ptr<StepKernel>> make_shifted_winograd_step(const KernelRequest& request,
                                                               const ConvPlan& plan,
                                                               const Tensor& w,
                                                               const std::vector<float>& bias,
                                                               const FusedAnchor& anchor);

}  // namespace ferry
