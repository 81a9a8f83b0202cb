// SPDX-License-Identifier: Apache-2.0
// The readable list of all passes, in order.
#pragma once

#include <vector>

#include "passes/pass.h"

namespace ferry {

std::vector<Pass> standard_pipeline();

// Follows the standard one where our own kernels run the graph: operators that files cannot
// express.
std::vector<Pass> engine_pipeline();

}  // namespace ferry
