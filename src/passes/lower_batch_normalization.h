// SPDX-License-Identifier: Apache-2.0
// BatchNormalization(x) with constant statistics => x * a + b, one number per channel: elementwise
// work, which layouts, fusion and kernels know. For those that no weights could absorb; see
// fuse_conv_bn. Refuses training mode, unknown ranks or numbers of channels, and statistics that
// the caller may replace.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass lower_batch_normalization();

}  // namespace ferry
