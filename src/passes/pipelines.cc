// SPDX-License-Identifier: Apache-2.0
#include "passes/pipelines.h"

namespace ferry {

std::vector<Pass> standard_pipeline() { return {}; }

}  // namespace ferry
