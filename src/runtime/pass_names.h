// SPDX-License-Identifier: Apache-2.0
// The passes that callers may leave out by name.
#pragma once

#include <string>
#include <vector>

#include "ferry/status.h"

namespace ferry {

// Errors: kInvalidArgument for a name in `off`, or in the environment's FERRY_PASSES_OFF, that no
// pass of any pipeline has.
Status check_passes_off(const std::vector<std::string>& off);

}  // namespace ferry
