// SPDX-License-Identifier: Apache-2.0
// What CPU convolutions know before and after the input's size is known.
#pragma once

#include <string>
#include <string_view>

#include "kernels/conv/conv.h"
#include "ops/nn/conv.h"
#include "plan/step_kernel.h"

namespace ferry {

// What stays of a convolution when the input's size is not known yet.
struct ConvPlan {
  Conv op;
  ConvShape shape;  // channels, groups, kernel; the rest is set per run
  size_t spatial = 0;
};

// From the operator and the dims of its weights [O, I / group, kernel...].
ConvPlan make_conv_plan(const Conv& op, const Dims& w);

// `kernel` and what of a layer's shape may decide how it packs weights: channels, groups, kernel,
// strides and dilations, not the image.
std::string weights_label(std::string_view kernel, const ConvShape& shape);

// Sizes and pads for an input of dims x.
Result<ConvShape> resolve_conv(const ConvPlan& plan, const Dims& x);
Result<ConvShape> resolve_conv(const ConvPlan& plan, const Tensor& x);

}  // namespace ferry
