// SPDX-License-Identifier: Apache-2.0
// Memory of the texts in string tensors, which std::string takes where no budget sees it: asked for
// before an operator makes them, counted after.
#pragma once

#include "ir/eval.h"

namespace ferry {

// Room for `count` strings, each as long as the longest of every input together: what operators
// that copy, pick or join strings can make at most. Errors: kOutOfMemory.
Status check_string_output(const EvalContext& c, int64_t count);

// The same for operators that take texts of `longest` bytes from their attributes.
Status check_string_output(MemoryBudget* budget, int64_t count, size_t longest);

// Counts the texts in `value` against the budget until their last owner is gone. Tensors that are
// counted already are left as they are. Errors: kOutOfMemory.
Status count_strings(Value& value, MemoryBudget* budget);

}  // namespace ferry
