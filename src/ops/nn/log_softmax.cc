// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/log_softmax.h"

#include <algorithm>
#include <cmath>

#include "ops/nn/along_axis.h"

namespace ferry {
namespace {

template <class T>
Status row(PollEvery& polls, const T* x, T* y, int64_t n, int64_t stride) {
  using C = compute_t<T>;
  C top = -INFINITY;
  FERRY_RETURN_IF_ERROR(in_pieces(polls, n, 2, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) top = std::max(top, C(x[i * stride]));
  }));
  double sum = 0;
  FERRY_RETURN_IF_ERROR(in_pieces(polls, n, 16, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) sum += std::exp(double(C(x[i * stride]) - top));
  }));
  const double log_sum = std::log(sum);
  return in_pieces(polls, n, 4, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      y[i * stride] = T(static_cast<C>(double(C(x[i * stride]) - top) - log_sum));
    }
  });
}

Status eval(const LogSoftmax& op, EvalContext& c) {
  return map_lines(c, op.axis,
                   []<class T>(PollEvery& polls, const T* x, T* y, int64_t n, int64_t stride) {
                     return row(polls, x, y, n, stride);
                   });
}

}  // namespace

void register_log_softmax(OpRegistry& r) {
  r.op<LogSoftmax>("LogSoftmax")
      .since(13)
      .attr("axis", &LogSoftmax::axis)
      .infer(infer_along_axis<LogSoftmax>)
      .reference(eval);
}

}  // namespace ferry
