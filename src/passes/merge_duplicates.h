// SPDX-License-Identifier: Apache-2.0
// Two nodes of the same operator, attributes and inputs ⇒ the first of them; two constants of equal
// type and bits ⇒ the first of them.
// Refuses nodes with bodies, random operators, and initializers that callers may replace.
#pragma once

#include "passes/pass.h"

namespace ferry {

Pass merge_duplicates();

}  // namespace ferry
