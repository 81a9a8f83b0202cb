// SPDX-License-Identifier: Apache-2.0
// y0, y1, ... = consecutive parts of x along `axis`, of the sizes in `split`, or `num_outputs`
// equal ones of which the last may be smaller.
//   x: any   split: i64[n], optional   y: type of x
// ONNX Split-18.
#pragma once

#include <cstdint>
#include <optional>

#include "ops/arguments.h"

namespace ferry {

struct Split {
  int64_t axis = 0;  // in [-rank, rank)
  std::optional<int64_t> num_outputs;
};

// The sizes of the parts. Errors: those of the operator.
Result<Ints> part_sizes(const Split& op, EvalContext& c);

}  // namespace ferry
