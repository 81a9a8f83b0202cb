// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/swiglu.h"

#include <cmath>

#include "ops/in_ranges.h"
#include "ops/registry.h"
#include "tensor/better_known.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const SwiGLU&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type a, c.tensor(0, types::kFloating));
  FERRY_ASSIGN_OR_RETURN(const Type b, c.tensor(1, types::kFloating));
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 1));
  if (a.has_rank() && b.has_rank()) {
    bool equal = a.rank() == b.rank();
    for (size_t i = 0; equal && i < a.rank(); ++i) {
      equal = !Dim::known_different((*a.shape)[i], (*b.shape)[i]);
    }
    if (!equal) {
      return shape_mismatch("a is {} and b {}, wanted are equal shapes", a.to_string(),
                            b.to_string());
    }
  }
  Type y = a.has_rank() ? a : b;
  if (b.has_rank()) y.shape = better_known(*y.shape, *b.shape);
  c.set_type(0, std::move(y));
  return {};
}

Status eval(const SwiGLU& op, EvalContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  if (!(a.dims() == b.dims())) {
    return shape_mismatch("a is {} and b {}, wanted are equal shapes", a.describe(), b.describe());
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, a.dtype(), a.dims()));
  return visit_floating(a.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using C = compute_t<T>;
    return in_ranges(c, a.count(), 16, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        const C x = a.data<T>()[i];
        y.data<T>()[i] = T(x / (1 + std::exp(-C(op.alpha) * x)) * C(b.data<T>()[i]));
      }
    });
  });
}

}  // namespace

void register_swiglu(OpRegistry& r) {
  r.op<SwiGLU>("SwiGLU")
      .since(28)
      .inputs(2)
      .attr("alpha", &SwiGLU::alpha)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
