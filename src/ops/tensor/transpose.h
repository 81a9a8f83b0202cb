// SPDX-License-Identifier: Apache-2.0
// y[i[perm[0]], i[perm[1]], ...] = x[i[0], i[1], ...]: axis k of y is axis perm[k] of x.
//   x: any   y: type of x
// ONNX Transpose-25.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/walk.h"

namespace ferry {

struct Transpose {
  std::vector<int64_t> perm;  // empty: all axes reversed
};

// What of input 0 the output is. Errors: those of the operator.
Result<StridedView> view_of(const Transpose& op, EvalContext& c);

}  // namespace ferry
