// SPDX-License-Identifier: Apache-2.0
// If of a constant condition ⇒ the nodes of the branch taken. Loop of no iteration, or of exactly
// one, that stacks nothing ⇒ its initial values, or the nodes of its body.
// Refuses conditions and trip counts that callers may replace, and Loops with scan outputs.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass inline_control_flow();

}  // namespace ferry
