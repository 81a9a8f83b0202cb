// SPDX-License-Identifier: Apache-2.0
// Scan outputs of Loop and Scan: one tensor per iteration, stacked along a new axis.
#pragma once

#include <vector>

#include "ir/eval.h"
#include "ops/controlflow/body_types.h"

namespace ferry {

// The type of output i: `element` with `trips` inserted at `axis` in [-rank - 1, rank]. An invalid
// `trips`, an axis that does not exist or a dim of the body become what is not known.
Type stacked_type(const InferContext& c, size_t i, const OuterSymbols& outer, const Type& element,
                  const Dim& trips, int64_t axis);

// Stacks `parts` into output i. Without parts, the dims are those that inference knows, 0 else.
Status stack_outputs(EvalContext& c, size_t i, std::vector<Tensor> parts, int64_t axis);

}  // namespace ferry
