// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/scatter.h"

#include <algorithm>
#include <cmath>

#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/in_pieces.h"
#include "ops/registry.h"
#include "ops/walk.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

enum class Reduction : uint8_t { kNone, kAdd, kMul, kMax, kMin };

constexpr TypeSet kMovable = types::kNumeric | types::kBool | types::kComplex | types::kString;

Result<Reduction> reduction_of(const std::string& name, DType dtype) {
  static constexpr std::string_view kNames[] = {"none", "add", "mul", "max", "min"};
  const auto* at = std::find(std::begin(kNames), std::end(kNames), name);
  if (at == std::end(kNames)) {
    return invalid_model("reduction is '{}', wanted is none, add, mul, max or min", name);
  }
  const auto r = static_cast<Reduction>(at - std::begin(kNames));
  if (r != Reduction::kNone && !(types::kNumeric | types::kBool).contains(dtype)) {
    return unsupported_type("reduction '{}' of {}", name, dtype_name(dtype));
  }
  return r;
}

template <class T>
T reduced(Reduction r, T a, T b) {
  using C = compute_t<T>;
  const C u = static_cast<C>(a), v = static_cast<C>(b);
  if constexpr (std::is_same_v<T, bool>) {
    return r == Reduction::kAdd || r == Reduction::kMax ? u || v : u && v;
  } else if constexpr (std::is_integral_v<T>) {
    if (r == Reduction::kAdd) return wrap_add(u, v);
    if (r == Reduction::kMul) return wrap_mul(u, v);
    return r == Reduction::kMax ? std::max(u, v) : std::min(u, v);
  } else {
    if (r == Reduction::kAdd) return T(u + v);
    if (r == Reduction::kMul) return T(u * v);
    if (std::isnan(u) || std::isnan(v)) return T(std::isnan(u) ? u : v);
    return T(r == Reduction::kMax ? std::max(u, v) : std::min(u, v));
  }
}

// Runs write(apply, y elements, updates elements) where apply(y, u) puts one element.
template <class F>
Status with_reduction(Reduction r, const Tensor& updates, Tensor& y, F&& write) {
  if (r == Reduction::kNone) {
    return visit_storage(y.dtype(), [&]<class T>(TypeTag<T>) -> Status {
      return write([](T& a, const T& b) { a = b; }, y.data<T>(), updates.data<T>());
    });
  }
  const auto reduce = [&]<class T>(TypeTag<T>) -> Status {
    return write([r](T& a, const T& b) { a = reduced(r, a, b); }, y.data<T>(), updates.data<T>());
  };
  if (y.dtype() == DType::kBool) return reduce(TypeTag<bool>{});
  return visit_numeric(y.dtype(), reduce);
}

Status copy_input(EvalContext& c, Tensor& y) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(y, c.output(0, x.dtype(), x.dims()));
  return visit_storage(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    PollEvery polls(c);
    return copy_in_pieces(polls, x.data<T>(), x.count(), y.data<T>());
  });
}

Status infer(const ScatterElements& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, kMovable, 1));
  FERRY_ASSIGN_OR_RETURN(const Type indices, c.tensor(1, types::kIndices, 1));
  FERRY_ASSIGN_OR_RETURN(const Type updates, c.tensor(2, kMovable, 1));
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 2));
  FERRY_RETURN_IF_ERROR(reduction_of(op.reduction, x.dtype).status());
  if (x.shape) FERRY_RETURN_IF_ERROR(normalize_axis(op.axis, x.rank()).status());
  if (x.shape && indices.shape && x.rank() != indices.rank()) {
    return shape_mismatch("x is {}, indices are {}; wanted is one rank", x.to_string(),
                          indices.to_string());
  }
  c.set_type(0, std::move(x));
  return {};
}

Status eval(const ScatterElements& op, EvalContext& c) {
  const Tensor &x = c.input(0), &indices = c.input(1), &updates = c.input(2);
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  FERRY_ASSIGN_OR_RETURN(const Reduction r, reduction_of(op.reduction, x.dtype()));
  bool fits = indices.rank() == x.rank() && indices.dims() == updates.dims();
  for (size_t a = 0; fits && a < x.rank(); ++a) fits = a == axis || indices.dim(a) <= x.dim(a);
  if (!fits) {
    return shape_mismatch("indices {} and updates {} do not lie in x {}", indices.describe(),
                          updates.describe(), x.describe());
  }
  Tensor y;
  FERRY_RETURN_IF_ERROR(copy_input(c, y));
  const Dims dense = dense_strides(x.dims());
  Dims strides = dense;
  strides[axis] = 0;
  const IndexReader read(indices);
  return with_reduction(r, updates, y, [&](auto apply, auto* to, const auto* from) {
    int64_t j = 0;
    return for_each_row<1>(c, indices.dims(), {strides},
                           [&](int64_t n, const auto& at, const auto& step) -> Status {
                             for (int64_t i = 0; i < n; ++i, ++j) {
                               int64_t index = 0;
                               FERRY_RETURN_IF_ERROR(read.get(j, x.dim(axis), index));
                               apply(to[at[0] + i * step[0] + index * dense[axis]], from[j]);
                             }
                             return {};
                           });
  });
}

Status check_nd(const Shape& x, const Shape& indices, const Shape& updates) {
  const Dim& m = indices.back();
  if (!m.is_constant()) return {};
  const auto n = static_cast<size_t>(m.constant());
  bool fits = n <= x.size() && updates.size() == indices.size() - 1 + x.size() - n;
  for (size_t a = 0; fits && a < updates.size(); ++a) {
    const Dim& d = a < indices.size() - 1 ? indices[a] : x[a - (indices.size() - 1) + n];
    fits = !Dim::known_different(d, updates[a]);
  }
  if (fits) return {};
  return shape_mismatch("x {} at indices {} does not take updates {}", to_string(x),
                        to_string(indices), to_string(updates));
}

Status infer_nd(const ScatterND& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, kMovable, 1));
  FERRY_ASSIGN_OR_RETURN(const Type indices, c.tensor(1, {DType::kInt64}, 1));
  FERRY_ASSIGN_OR_RETURN(const Type updates, c.tensor(2, kMovable));
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 2));
  FERRY_RETURN_IF_ERROR(reduction_of(op.reduction, x.dtype).status());
  if (x.shape && indices.shape && updates.shape) {
    FERRY_RETURN_IF_ERROR(check_nd(*x.shape, *indices.shape, *updates.shape));
  }
  c.set_type(0, std::move(x));
  return {};
}

Status eval_nd(const ScatterND& op, EvalContext& c) {
  const Tensor &x = c.input(0), &indices = c.input(1), &updates = c.input(2);
  if (indices.rank() == 0) return shape_mismatch("indices are a scalar");
  FERRY_RETURN_IF_ERROR(
      check_nd(shape_of(x.dims()), shape_of(indices.dims()), shape_of(updates.dims())));
  FERRY_ASSIGN_OR_RETURN(const Reduction r, reduction_of(op.reduction, x.dtype()));
  Tensor y;
  FERRY_RETURN_IF_ERROR(copy_input(c, y));
  const auto m = static_cast<size_t>(indices.dims().back());
  const int64_t inner = x.dims().count(m, x.rank());
  const int64_t places = indices.dims().count(0, indices.rank() - 1);
  const IndexReader read(indices);
  return with_reduction(r, updates, y, [&](auto apply, auto* to, const auto* from) -> Status {
    int64_t next = 0;
    for (int64_t i = 0; i < places; ++i) {
      if (i % 1024 == 0) FERRY_RETURN_IF_ERROR(c.poll());
      int64_t at = 0;
      for (size_t a = 0; a < m; ++a) {
        int64_t index = 0;
        FERRY_RETURN_IF_ERROR(read.get(next++, x.dim(a), index));
        at = at * x.dim(a) + index;
      }
      for (int64_t k = 0; k < inner; ++k) apply(to[at * inner + k], from[i * inner + k]);
    }
    return {};
  });
}

}  // namespace

void register_scatter(OpRegistry& r) {
  r.op<ScatterElements>("ScatterElements")
      .since(18)
      .inputs(3)
      .attr("axis", &ScatterElements::axis)
      .attr("reduction", &ScatterElements::reduction)
      .infer(infer)
      .reference(eval);
  r.op<ScatterND>("ScatterND")
      .since(18)
      .inputs(3)
      .attr("reduction", &ScatterND::reduction)
      .infer(infer_nd)
      .reference(eval_nd);
}

}  // namespace ferry
