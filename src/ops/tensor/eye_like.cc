// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/eye_like.h"

#include <cstring>

#include "ops/in_ranges.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr TypeSet kAllowed = types::kNumeric | types::kBool;

Status infer(const EyeLike& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kAll, 2, 2));
  x.dtype = op.dtype.value_or(x.dtype);
  if (!kAllowed.contains(x.dtype)) {
    return unsupported_type("element type {}; allowed are {}", dtype_name(x.dtype),
                            kAllowed.to_string());
  }
  if (!x.shape) x.shape = c.fresh_shape(0, 2);
  c.set_type(0, std::move(x));
  return {};
}

Status eval(const EyeLike& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() != 2) return shape_mismatch("x is {}, wanted is a matrix", x.describe());
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, op.dtype.value_or(x.dtype()), x.dims()));
  if (y.count() == 0) return {};
  auto* bytes = static_cast<char*>(y.raw());
  const auto size = static_cast<int64_t>(y.size_bytes());
  FERRY_RETURN_IF_ERROR(in_ranges(c, size, 1, [&](int64_t from, int64_t to) {
    std::memset(bytes + from, 0, static_cast<size_t>(to - from));
  }));
  const int64_t n = x.dim(0), m = x.dim(1);
  const auto set_ones = [&](auto* to, auto one) {
    for (int64_t i = 0; i < n; ++i) {
      // i + k may overflow, m - i may not.
      if (op.k >= -i && op.k < m - i) to[i * m + i + op.k] = one;
    }
  };
  if (y.dtype() == DType::kBool) {
    set_ones(y.data<bool>(), true);
    return {};
  }
  return visit_numeric(y.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    set_ones(y.data<T>(), T(1));
    return {};
  });
}

}  // namespace

void register_eye_like(OpRegistry& r) {
  r.op<EyeLike>("EyeLike")
      .since(22)
      .attr("dtype", &EyeLike::dtype)
      .attr("k", &EyeLike::k)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
