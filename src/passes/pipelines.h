// SPDX-License-Identifier: Apache-2.0
// The readable list of all passes, in order.
#pragma once

#include <vector>

#include "passes/pass.h"

namespace ferry {

std::vector<Pass> standard_pipeline();

}  // namespace ferry
