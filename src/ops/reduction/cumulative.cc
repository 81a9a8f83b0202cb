// SPDX-License-Identifier: Apache-2.0
#include "ops/reduction/cumulative.h"

#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/known.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr TypeSet kAllowed =
    types::kFloating | TypeSet{DType::kInt32, DType::kInt64, DType::kUInt32, DType::kUInt64};

Status infer(const Cumulative& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, kAllowed, 1));
  FERRY_RETURN_IF_ERROR(c.tensor(1, types::kIndices, 0, 1).status());
  FERRY_RETURN_IF_ERROR(check_scalar(c, 1));
  const auto axis = c.constant_ints(1);
  if (axis && axis->size() == 1 && x.shape) {
    FERRY_RETURN_IF_ERROR(normalize_axis((*axis)[0], x.rank()).status());
  }
  const auto values = c.known(0);
  if (values && x.shape && x.rank() == 1 && !op.reverse) {
    KnownInts out;
    Dim sum = op.product ? 1 : 0;
    for (const Dim& v : *values) {
      const Dim next = op.product ? sum * v : sum + v;
      out.push_back(op.exclusive ? sum : next);
      sum = next;
    }
    set_known_if_fits(c, 0, x.dtype, std::move(out));
  }
  c.set_type(0, std::move(x));
  return {};
}

template <class T>
Status scan(const Cumulative& op, PollEvery& polls, const T* x, T* y, int64_t n, int64_t stride) {
  // Floats are summed in double.
  using A = std::conditional_t<std::is_integral_v<T>, T, double>;
  A sum = op.product ? A(1) : A(0);
  for (int64_t k = 0; k < n; ++k) {
    if (k % 1024 == 0) FERRY_RETURN_IF_ERROR(polls.spend(4 * std::min<int64_t>(n - k, 1024)));
    const int64_t i = (op.reverse ? n - 1 - k : k) * stride;
    const A v = static_cast<A>(static_cast<compute_t<T>>(x[i]));
    const A before = sum;
    if constexpr (std::is_integral_v<T>)
      sum = op.product ? wrap_mul(sum, v) : wrap_add(sum, v);
    else
      sum = op.product ? sum * v : sum + v;
    y[i] = static_cast<T>(static_cast<compute_t<T>>(op.exclusive ? before : sum));
  }
  return {};
}

Status eval(const Cumulative& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const int64_t given, read_int(c.input(1), "axis"));
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(given, x.rank()));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  if (y.count() == 0) return {};
  const int64_t n = x.dim(axis), inner = x.dims().count(axis + 1, x.rank());
  return visit_numeric(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    PollEvery polls(c);
    for (int64_t i = 0; i < x.count() / n; ++i) {
      const int64_t at = i / inner * n * inner + i % inner;
      FERRY_RETURN_IF_ERROR(scan(op, polls, x.data<T>() + at, y.data<T>() + at, n, inner));
    }
    return {};
  });
}

}  // namespace

void register_cumulative(OpRegistry& r) {
  for (const bool product : {false, true}) {
    Cumulative defaults;
    defaults.product = product;
    r.op<Cumulative>(product ? "CumProd" : "CumSum", defaults)
        .since(product ? 26 : 14)
        .inputs(2)
        .attr("exclusive", &Cumulative::exclusive)
        .attr("reverse", &Cumulative::reverse)
        .infer(infer)
        .reference(eval);
  }
}

}  // namespace ferry
