// SPDX-License-Identifier: Apache-2.0
// ConvTranspose of few output channels => Conv of stride^2 times as many, then DepthToSpace.
//
// Every remainder of an output coordinate by the stride is a convolution of its own; with a channel
// or three, each fills a fraction of a vector. Together, with the taps that any of them has, they
// fill it. Refuses groups, dilations, unequal strides, outputs that are no multiple of the input,
// and where the missing taps would cost more than is saved.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass lower_conv_transpose();

}  // namespace ferry
