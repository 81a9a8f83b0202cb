// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/parameters.h"

#include "ops/nn/window.h"
#include "ops/poll_every.h"

namespace ferry {

Result<WorkingArray<double>> broadcast_doubles(EvalContext& c, const Tensor& t, const Dims& dims,
                                               size_t axis, const char* name) {
  FERRY_ASSIGN_OR_RETURN(const auto values, as_doubles(c, t));
  const size_t rank = dims.size();
  if (t.rank() > rank) {
    return shape_mismatch("{} is {}, which does not broadcast to {}", name, t.describe(),
                          dims.to_string());
  }
  const size_t missing = rank - t.rank();
  Dims strides = Dims::filled(rank, 0);
  int64_t stride = 1;
  size_t first = rank;  // first axis along which `t` varies
  for (size_t a = rank; a-- > missing;) {
    const int64_t d = t.dim(a - missing);
    if (d != 1 && d != dims[a]) {
      return shape_mismatch("{} is {}, which does not broadcast to {}", name, t.describe(),
                            dims.to_string());
    }
    if (d == 1) continue;
    strides[a] = stride;
    stride *= d;
    first = a;
  }
  const Dims tail(std::span<const int64_t>(dims).subspan(first >= axis ? axis : 0));
  FERRY_ASSIGN_OR_RETURN(auto out, WorkingArray<double>::make(c, tail.count()));
  Dims at = Dims::filled(tail.size(), 0);
  PollEvery polls(c);
  for (double& v : out) {
    FERRY_RETURN_IF_ERROR(polls.spend(16));
    int64_t i = 0;
    for (size_t a = 0; a < tail.size(); ++a) i += at[a] * strides[rank - tail.size() + a];
    v = values[static_cast<size_t>(i)];
    next_position(at, tail);
  }
  return out;
}

}  // namespace ferry
