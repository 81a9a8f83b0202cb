// SPDX-License-Identifier: Apache-2.0
#include "ops/reduction/hardmax.h"

#include "ops/arguments.h"
#include "ops/in_pieces.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const Hardmax& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kFloating, 1));
  if (x.shape) FERRY_RETURN_IF_ERROR(normalize_axis(op.axis, x.rank()).status());
  c.set_type(0, std::move(x));
  return {};
}

Status eval(const Hardmax& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  if (x.count() == 0) return {};
  const int64_t n = x.dim(axis), inner = x.dims().count(axis + 1, x.rank());
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using C = compute_t<T>;
    PollEvery polls(c);
    for (int64_t i = 0; i < x.count() / n; ++i) {
      const int64_t at = i / inner * n * inner + i % inner;
      int64_t best = 0;
      FERRY_RETURN_IF_ERROR(in_pieces(polls, n, 4, [&](int64_t from, int64_t to) {
        for (int64_t k = from; k < to; ++k) {
          const C v = C(x.data<T>()[at + k * inner]);
          if (v > C(x.data<T>()[at + best * inner])) best = k;
          y.data<T>()[at + k * inner] = T(0);
        }
      }));
      y.data<T>()[at + best * inner] = T(1);
    }
    return {};
  });
}

}  // namespace

void register_hardmax(OpRegistry& r) {
  r.op<Hardmax>("Hardmax").since(13).attr("axis", &Hardmax::axis).infer(infer).reference(eval);
}

}  // namespace ferry
