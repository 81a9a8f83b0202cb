// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/lp_normalization.h"

#include <cmath>

#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const LpNormalization& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kFloating));
  if (op.p != 1 && op.p != 2) return invalid_model("attribute 'p' is {}, wanted is 1 or 2", op.p);
  if (x.has_rank()) FERRY_RETURN_IF_ERROR(c.axis(op.axis, x.rank()).status());
  c.set_type(0, std::move(x));
  return {};
}

Status eval(const LpNormalization& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const int64_t signed_axis, InferContext::axis(op.axis, x.rank()));
  const auto axis = static_cast<size_t>(signed_axis);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  const int64_t outer = x.dims().count(0, axis), n = x.dim(axis);
  const int64_t inner = x.dims().count(axis + 1, x.rank());
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using C = compute_t<T>;
    for (int64_t o = 0; o < outer; ++o) {
      FERRY_RETURN_IF_ERROR(c.poll());
      for (int64_t i = 0; i < inner; ++i) {
        const T* from = x.data<T>() + o * n * inner + i;
        T* to = y.data<T>() + o * n * inner + i;
        double sum = 0;
        for (int64_t k = 0; k < n; ++k) {
          const double v = double(C(from[k * inner]));
          sum += op.p == 1 ? std::fabs(v) : v * v;
        }
        const double norm = op.p == 1 ? sum : std::sqrt(sum);
        for (int64_t k = 0; k < n; ++k) {
          to[k * inner] = T(static_cast<C>(norm == 0 ? 0 : double(C(from[k * inner])) / norm));
        }
      }
    }
    return {};
  });
}

}  // namespace

void register_lp_normalization(OpRegistry& r) {
  r.op<LpNormalization>("LpNormalization")
      .since(22)
      .attr("axis", &LpNormalization::axis)
      .attr("p", &LpNormalization::p)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
