// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/lp_normalization.h"

#include <cmath>

#include "ops/nn/along_axis.h"

namespace ferry {
namespace {

Status infer(const LpNormalization& op, InferContext& c) {
  if (op.p != 1 && op.p != 2) return invalid_model("attribute 'p' is {}, wanted is 1 or 2", op.p);
  return infer_along_axis(op, c);
}

Status eval(const LpNormalization& op, EvalContext& c) {
  return map_lines(
      c, op.axis,
      [&]<class T>(PollEvery& polls, const T* x, T* y, int64_t n, int64_t stride) -> Status {
        using C = compute_t<T>;
        double sum = 0;
        FERRY_RETURN_IF_ERROR(in_pieces(polls, n, 2, [&](int64_t from, int64_t to) {
          for (int64_t k = from; k < to; ++k) {
            const double v = double(C(x[k * stride]));
            sum += op.p == 1 ? std::fabs(v) : v * v;
          }
        }));
        const double norm = op.p == 1 ? sum : std::sqrt(sum);
        return in_pieces(polls, n, 4, [&](int64_t from, int64_t to) {
          for (int64_t k = from; k < to; ++k) {
            y[k * stride] = T(static_cast<C>(norm == 0 ? 0 : double(C(x[k * stride])) / norm));
          }
        });
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
