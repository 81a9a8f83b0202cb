// SPDX-License-Identifier: Apache-2.0
// Reshape to [N, groups, ...], InstanceNormalization, Reshape back => GroupNormalization: how
// exporters spell it before opset 21. Then: times or plus one constant per channel => its scale
// and bias (of InstanceNormalization too). Refuses unknown channel counts and shared values.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass fuse_group_normalization();

}  // namespace ferry
