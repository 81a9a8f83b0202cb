// SPDX-License-Identifier: Apache-2.0
// The readable list of all passes, in order.
#pragma once

#include <vector>

#include "passes/pass.h"

namespace ferry {

// What a session runs.
std::vector<Pass> standard_pipeline();
// Those of it that leave every result as it is, bit for bit: less work, no other arithmetic.
std::vector<Pass> basic_pipeline();

// Follows the standard one where our own kernels run the graph: operators that files cannot
// express.
std::vector<Pass> engine_pipeline();

}  // namespace ferry
