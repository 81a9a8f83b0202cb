// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/concatenate.h"

#include <algorithm>

#include "base/status.h"
#include "ops/move.h"

namespace ferry {

Result<Dims> joined_dims(const std::vector<Tensor>& parts, size_t axis) {
  Dims dims = parts[0].dims();
  for (size_t p = 1; p < parts.size(); ++p) {
    const Tensor& x = parts[p];
    if (x.dtype() != parts[0].dtype() || x.rank() != dims.size()) {
      return shape_mismatch("input {} is {}, input 0 is {}", p, x.describe(), parts[0].describe());
    }
    for (size_t a = 0; a < dims.size(); ++a) {
      if (a != axis && x.dim(a) != dims[a]) {
        return shape_mismatch("input {} is {}, its axis {} must be {}", p, x.describe(), a, dims[a]);
      }
    }
    if (__builtin_add_overflow(dims[axis], x.dim(axis), &dims[axis])) {
      return limit_exceeded("the sum of the sizes along axis {} overflows", axis);
    }
  }
  return dims;
}

Status concatenate(EvalContext& c, const std::vector<Tensor>& parts, size_t axis, size_t i) {
  FERRY_ASSIGN_OR_RETURN(const Dims dims, joined_dims(parts, axis));
  FERRY_ASSIGN_OR_RETURN(MovedOutput y, moved_output(c, i, parts[0].dtype(), dims));
  const int64_t outer = dims.count(0, axis), row = dims.count(axis, dims.size());
  int64_t at = 0;
  for (const Tensor& part : parts) {
    FERRY_RETURN_IF_ERROR(c.poll());
    FERRY_ASSIGN_OR_RETURN(const Tensor x, unpacked(c, part));
    if (x.count() == 0) continue;
    const int64_t n = x.dims().count(axis, dims.size());
    FERRY_RETURN_IF_ERROR(visit_storage(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
      for (int64_t o = 0; o < outer; ++o) {
        std::copy_n(x.data<T>() + o * n, n, y.tensor.data<T>() + o * row + at);
      }
      return {};
    }));
    at += n;
  }
  y.finish();
  return {};
}

}  // namespace ferry
