// SPDX-License-Identifier: Apache-2.0
// Joining tensors along an axis, as Concat, ConcatFromSequence and Scan do.
#pragma once

#include <vector>

#include "ir/eval.h"

namespace ferry {

// The dims of `parts` (at least one) along `axis`. Errors: kShapeMismatch when other dims differ.
Result<Dims> joined_dims(const std::vector<Tensor>& parts, size_t axis);
// Writes `parts` (at least one; one element type) along `axis` into output i. Errors:
// kShapeMismatch when other dims differ.
Status concatenate(EvalContext& c, const std::vector<Tensor>& parts, size_t axis, size_t i);

}  // namespace ferry
