// SPDX-License-Identifier: Apache-2.0
// Joining tensors along an axis, as Concat, ConcatFromSequence and Scan do.
#pragma once

#include <vector>

#include "base/status.h"
#include "ir/eval.h"

namespace ferry {

// The dims of `n` (at least one) tensors part(i) along `axis`. Errors: kShapeMismatch when other dims
// differ.
template <class Part>
Result<Dims> joined_dims(size_t n, size_t axis, const Part& part) {
  const Tensor& first = part(0);
  Dims dims = first.dims();
  for (size_t p = 1; p < n; ++p) {
    const Tensor& x = part(p);
    if (x.dtype() != first.dtype() || x.rank() != dims.size()) {
      return shape_mismatch("input {} is {}, input 0 is {}", p, x.describe(), first.describe());
    }
    for (size_t a = 0; a < dims.size(); ++a) {
      if (a != axis && x.dim(a) != dims[a]) {
        return shape_mismatch("input {} is {}, its axis {} must be {}", p, x.describe(), a,
                              dims[a]);
      }
    }
    if (__builtin_add_overflow(dims[axis], x.dim(axis), &dims[axis])) {
      return limit_exceeded("the sum of the sizes along axis {} overflows", axis);
    }
  }
  return dims;
}

// Writes `parts` (at least one; one element type) along `axis` into output i. Errors:
// kShapeMismatch when other dims differ.
Status concatenate(EvalContext& c, const std::vector<Tensor>& parts, size_t axis, size_t i);

}  // namespace ferry
