// SPDX-License-Identifier: Apache-2.0
#include "ops/math/clip.h"

#include "ops/arguments.h"
#include "ops/known.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const Clip&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kNumeric));
  for (size_t i = 1; i <= 2; ++i) {
    if (!c.has_input(i)) continue;
    FERRY_RETURN_IF_ERROR(c.tensor(i, types::kNumeric).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
    FERRY_RETURN_IF_ERROR(check_scalar(c, i));
  }
  std::optional<KnownInts> values = c.known(0);
  for (size_t i = 1; i <= 2 && values; ++i) {
    if (!c.has_input(i)) continue;
    const std::optional<KnownInts> bound = c.known(i);
    if (!bound || bound->size() != 1) {
      values.reset();
      break;
    }
    for (Dim& d : *values) d = i == 1 ? max(d, (*bound)[0]) : min(d, (*bound)[0]);
  }
  if (values) set_known_if_fits(c, 0, x.dtype, *std::move(values));
  c.set_type(0, std::move(x));
  return {};
}

Status eval(const Clip&, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  return visit_numeric(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using C = compute_t<T>;
    std::optional<C> low, high;
    for (size_t i = 1; i <= 2; ++i) {
      if (!c.has_input(i)) continue;
      const Tensor& bound = c.input(i);
      if (bound.count() != 1) {
        return invalid_argument("bound {} is {}, wanted is one element", i, bound.describe());
      }
      (i == 1 ? low : high) = C(*bound.data<T>());
    }
    for (int64_t i = 0; i < x.count(); ++i) {
      C v = C(x.data<T>()[i]);
      if (low && v < *low) v = *low;
      if (high && v > *high) v = *high;
      y.data<T>()[i] = T(v);
    }
    return {};
  });
}

}  // namespace

void register_clip(OpRegistry& r) {
  r.op<Clip>("Clip").since(13).inputs(1, 3).infer(infer).reference(eval);
}

}  // namespace ferry
