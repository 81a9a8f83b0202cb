// SPDX-License-Identifier: Apache-2.0
// Reference kernels that turn each line of numbers along one axis into a line of the same length.
#pragma once

#include "ops/in_pieces.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {

// y has x's type; `op.axis` must be one of x's axes.
template <class Op>
Status infer_along_axis(const Op& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kFloating));
  if (x.has_rank()) FERRY_RETURN_IF_ERROR(c.axis(op.axis, x.rank()).status());
  c.set_type(0, std::move(x));
  return {};
}

// Calls line(polls, x, y, n, stride), which returns a Status, for every line: n elements, `stride`
// apart in x and in y.
template <class F>
Status map_lines(EvalContext& c, int64_t signed_axis, F&& line) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const int64_t normal_axis, InferContext::axis(signed_axis, x.rank()));
  const auto axis = static_cast<size_t>(normal_axis);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  if (x.count() == 0) return {};
  const int64_t outer = x.dims().count(0, axis), n = x.dim(axis);
  const int64_t inner = x.dims().count(axis + 1, x.rank());
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    PollEvery polls(c);
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < inner; ++i) {
        const int64_t at = o * n * inner + i;
        FERRY_RETURN_IF_ERROR(
            line(polls, static_cast<const T*>(x.data<T>() + at), y.data<T>() + at, n, inner));
      }
    }
    return {};
  });
}

}  // namespace ferry
