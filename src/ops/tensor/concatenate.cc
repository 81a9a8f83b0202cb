// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/concatenate.h"

#include "ops/in_pieces.h"
#include "ops/move.h"

namespace ferry {

Status concatenate(EvalContext& c, const std::vector<Tensor>& parts, size_t axis, size_t i) {
  FERRY_ASSIGN_OR_RETURN(
      const Dims dims,
      joined_dims(parts.size(), axis, [&](size_t p) -> const Tensor& { return parts[p]; }));
  FERRY_ASSIGN_OR_RETURN(MovedOutput y, moved_output(c, i, parts[0].dtype(), dims));
  const int64_t outer = dims.count(0, axis), row = dims.count(axis, dims.size());
  int64_t at = 0;
  PollEvery polls(c);
  for (const Tensor& part : parts) {
    FERRY_ASSIGN_OR_RETURN(const Tensor x, unpacked(c, part));
    if (x.count() == 0) continue;
    const int64_t n = x.dims().count(axis, dims.size());
    FERRY_RETURN_IF_ERROR(visit_storage(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
      for (int64_t o = 0; o < outer; ++o) {
        FERRY_RETURN_IF_ERROR(
            copy_in_pieces(polls, x.data<T>() + o * n, n, y.tensor.data<T>() + o * row + at));
      }
      return {};
    }));
    at += n;
  }
  return y.finish(c);
}

}  // namespace ferry
