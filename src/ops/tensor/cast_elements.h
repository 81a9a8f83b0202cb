// SPDX-License-Identifier: Apache-2.0
// Conversion between any two element types but complex ones.
#pragma once

#include <string>

#include "ferry/tensor.h"

namespace ferry {

struct CastOptions {
  DType to = DType::kUndefined;
  bool saturate = true;
  std::string round_mode = "up";
};

// Writes the elements of x as those of y, which has the dims of x and element type options.to.
// Errors: kInvalidArgument for a string that is no number.
Status cast_elements(const Tensor& x, Tensor& y, const CastOptions& options, MemoryBudget* budget);

}  // namespace ferry
