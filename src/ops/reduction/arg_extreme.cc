// SPDX-License-Identifier: Apache-2.0
#include "ops/reduction/arg_extreme.h"

#include <cmath>

#include "ops/arguments.h"
#include "ops/in_pieces.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const ArgExtreme& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kNumeric, 1));
  if (!x.shape) {
    c.set_tensor(0, DType::kInt64, std::nullopt);
    return {};
  }
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  Shape shape = *x.shape;
  if (shape[axis].is_constant(0)) {
    return shape_mismatch("axis {} of x {} has no elements", axis, to_string(shape));
  }
  if (op.keepdims)
    shape[axis] = 1;
  else
    shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  c.set_tensor(0, DType::kInt64, std::move(shape));
  return {};
}

// True when v replaces the best so far.
template <class C>
bool replaces(const ArgExtreme& op, C v, C best) {
  if constexpr (std::is_floating_point_v<C>) {
    if (std::isnan(best)) return op.select_last_index && std::isnan(v);
    if (std::isnan(v)) return true;
  }
  return (op.max ? v > best : v < best) || (op.select_last_index && v == best);
}

Status eval(const ArgExtreme& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  Dims dims;
  for (size_t a = 0; a < x.rank(); ++a) {
    if (a != axis)
      dims.push_back(x.dim(a));
    else if (op.keepdims)
      dims.push_back(1);
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kInt64, dims));
  const int64_t n = x.dim(axis), inner = x.dims().count(axis + 1, x.rank());
  if (y.count() > 0 && n == 0) {
    return shape_mismatch("axis {} of x {} has no elements", axis, x.describe());
  }
  return visit_numeric(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using C = compute_t<T>;
    PollEvery polls(c);
    for (int64_t i = 0; i < y.count(); ++i) {
      const T* row = x.data<T>() + i / inner * n * inner + i % inner;
      int64_t at = 0;
      FERRY_RETURN_IF_ERROR(in_pieces(polls, n, 4, [&](int64_t from, int64_t to) {
        for (int64_t k = from; k < to; ++k) {
          if (k > 0 && replaces<C>(op, C(row[k * inner]), C(row[at * inner]))) at = k;
        }
      }));
      y.data<int64_t>()[i] = at;
    }
    return {};
  });
}

}  // namespace

void register_arg_extreme(OpRegistry& r) {
  for (const bool max : {true, false}) {
    ArgExtreme defaults;
    defaults.max = max;
    r.op<ArgExtreme>(max ? "ArgMax" : "ArgMin", defaults)
        .since(13)
        .attr("axis", &ArgExtreme::axis)
        .attr("keepdims", &ArgExtreme::keepdims)
        .attr("select_last_index", &ArgExtreme::select_last_index)
        .infer(infer)
        .reference(eval);
  }
}

}  // namespace ferry
