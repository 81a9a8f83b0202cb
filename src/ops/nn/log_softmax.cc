// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/log_softmax.h"

#include <algorithm>
#include <cmath>

#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const LogSoftmax& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kFloating));
  if (x.has_rank()) FERRY_RETURN_IF_ERROR(c.axis(op.axis, x.rank()).status());
  c.set_type(0, std::move(x));
  return {};
}

template <class T>
void row(const T* x, T* y, int64_t n, int64_t stride) {
  using C = compute_t<T>;
  C top = -INFINITY;
  for (int64_t i = 0; i < n; ++i) top = std::max(top, C(x[i * stride]));
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(double(C(x[i * stride]) - top));
  const double log_sum = std::log(sum);
  for (int64_t i = 0; i < n; ++i) {
    y[i * stride] = T(static_cast<C>(double(C(x[i * stride]) - top) - log_sum));
  }
}

Status eval(const LogSoftmax& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const int64_t signed_axis, InferContext::axis(op.axis, x.rank()));
  const auto axis = static_cast<size_t>(signed_axis);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  const int64_t outer = x.dims().count(0, axis), n = x.dim(axis);
  const int64_t inner = x.dims().count(axis + 1, x.rank());
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    for (int64_t o = 0; o < outer; ++o) {
      FERRY_RETURN_IF_ERROR(c.poll());
      for (int64_t i = 0; i < inner; ++i) {
        const int64_t at = o * n * inner + i;
        row(x.data<T>() + at, y.data<T>() + at, n, inner);
      }
    }
    return {};
  });
}

}  // namespace

void register_log_softmax(OpRegistry& r) {
  r.op<LogSoftmax>("LogSoftmax")
      .since(13)
      .attr("axis", &LogSoftmax::axis)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
