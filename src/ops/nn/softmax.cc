// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/softmax.h"

#include <algorithm>
#include <cmath>

#include "ops/nn/along_axis.h"
#include "ops/wide.h"

namespace ferry {
namespace {

template <class T>
Status softmax_row(PollEvery& polls, const T* x, T* y, int64_t n, int64_t stride) {
  using C = compute_t<T>;
  C top = -INFINITY;
  FERRY_RETURN_IF_ERROR(in_pieces(polls, n, 2, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) top = std::max(top, C(x[i * stride]));
  }));
  wide_t<C> sum = 0;
  FERRY_RETURN_IF_ERROR(in_pieces(polls, n, 16, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) sum += std::exp(C(x[i * stride]) - top);
  }));
  const C total = static_cast<C>(sum);
  return in_pieces(polls, n, 16, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      y[i * stride] = T(std::exp(C(x[i * stride]) - top) / total);
    }
  });
}

Status eval(const Softmax& op, EvalContext& c) {
  return map_lines(c, op.axis,
                   []<class T>(PollEvery& polls, const T* x, T* y, int64_t n, int64_t stride) {
                     return softmax_row(polls, x, y, n, stride);
                   });
}

}  // namespace

void register_softmax(OpRegistry& r) {
  r.op<Softmax>("Softmax")
      .since(13)
      .attr("axis", &Softmax::axis)
      .infer(infer_along_axis<Softmax>)
      .reference(eval);
}

}  // namespace ferry
