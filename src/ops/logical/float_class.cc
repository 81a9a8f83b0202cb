// SPDX-License-Identifier: Apache-2.0
#include "ops/logical/float_class.h"

#include <cmath>

#include "base/float8.h"
#include "ops/in_ranges.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

template <class Op>
Status infer(const Op&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kFloating | types::kFloat8));
  x.dtype = DType::kBool;
  c.set_type(0, std::move(x));
  return {};
}

// y[i] = test(x[i]) with x as float or double.
template <class F>
Status classify(EvalContext& c, F test) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kBool, x.dims()));
  bool* to = y.data<bool>();
  if (dtype_bits(x.dtype()) == 8) {
    return in_ranges(c, x.count(), 4, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) to[i] = test(float8_to_float(x.dtype(), x.data<uint8_t>()[i]));
    });
  }
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    return in_ranges(c, x.count(), 1, [&](int64_t i, int64_t end) {
      for (; i < end; ++i) to[i] = test(static_cast<compute_t<T>>(x.data<T>()[i]));
    });
  });
}

Status eval_nan(const IsNaN&, EvalContext& c) {
  return classify(c, [](auto v) { return std::isnan(v); });
}

Status eval_inf(const IsInf& op, EvalContext& c) {
  return classify(c, [&](auto v) {
    return std::isinf(v) && (v < 0 ? op.detect_negative : op.detect_positive);
  });
}

}  // namespace

void register_float_class(OpRegistry& r) {
  r.op<IsNaN>("IsNaN").since(20).infer(infer<IsNaN>).reference(eval_nan);
  r.op<IsInf>("IsInf")
      .since(20)
      .attr("detect_negative", &IsInf::detect_negative)
      .attr("detect_positive", &IsInf::detect_positive)
      .infer(infer<IsInf>)
      .reference(eval_inf);
}

}  // namespace ferry
