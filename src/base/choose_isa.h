// SPDX-License-Identifier: Apache-2.0
// Which instruction set level kernels run at, as callers and the environment ask for it.
#pragma once

#include <string_view>

#include "base/cpu.h"
#include "ferry/status.h"

namespace ferry {

// The level called `name`; "": the one that the environment's FERRY_ISA names, else the
// processor's. FERRY_ISA is also the most that may be asked for. Errors: kInvalidArgument for a
// name, or a value of FERRY_ISA, that is unknown or more than this machine has.
Result<Isa> choose_isa(std::string_view name);

}  // namespace ferry
