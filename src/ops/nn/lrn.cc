// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/lrn.h"

#include <cmath>

#include "ops/poll_every.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const LRN& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kFloating, 2));
  if (op.size < 1) return invalid_model("attribute 'size' is {}, wanted is at least 1", op.size);
  c.set_type(0, std::move(x));
  return {};
}

Status eval(const LRN& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() < 2) return shape_mismatch("x is {}, wanted is rank 2 or more", x.describe());
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  if (y.count() == 0) return {};
  const int64_t channels = x.dim(1), inner = x.dims().count(2, x.rank());
  const int64_t before = (op.size - 1) / 2, after = op.size - 1 - before;
  const double alpha = double(op.alpha) / double(op.size);
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using C = compute_t<T>;
    PollEvery polls(c);
    for (int64_t n = 0; n < x.dim(0); ++n) {
      const T* from = x.data<T>() + n * channels * inner;
      T* to = y.data<T>() + n * channels * inner;
      for (int64_t ch = 0; ch < channels; ++ch) {
        const int64_t first = ch > before ? ch - before : 0;
        const int64_t last = channels - 1 - ch > after ? ch + after : channels - 1;
        for (int64_t i = 0; i < inner; ++i) {
          FERRY_RETURN_IF_ERROR(polls.spend(32 + last - first));
          double sum = 0;
          for (int64_t k = first; k <= last; ++k) {
            const double v = double(C(from[k * inner + i]));
            sum += v * v;
          }
          const double scale = std::pow(double(op.bias) + alpha * sum, double(op.beta));
          to[ch * inner + i] = T(static_cast<C>(double(C(from[ch * inner + i])) / scale));
        }
      }
    }
    return {};
  });
}

}  // namespace

void register_lrn(OpRegistry& r) {
  r.op<LRN>("LRN")
      .since(13)
      .attr("alpha", &LRN::alpha)
      .attr("beta", &LRN::beta)
      .attr("bias", &LRN::bias)
      .required("size", &LRN::size)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
