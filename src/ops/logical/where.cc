// SPDX-License-Identifier: Apache-2.0
#include "ops/logical/where.h"

#include "ops/arguments.h"
#include "ops/known.h"
#include "ops/registry.h"
#include "ops/walk.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr TypeSet kAllowed = types::kNumeric | types::kBool | types::kComplex | types::kString;

Status infer(const Where&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type condition, c.tensor(0, types::kBool));
  FERRY_ASSIGN_OR_RETURN(const Type a, c.tensor(1, kAllowed));
  FERRY_ASSIGN_OR_RETURN(const Type b, c.tensor(2, kAllowed));
  FERRY_RETURN_IF_ERROR(c.same_dtype(1, 2));
  std::optional<Shape> shape;
  if (condition.shape && a.shape && b.shape) {
    FERRY_ASSIGN_OR_RETURN(shape, broadcast_shapes(*condition.shape, *a.shape));
    FERRY_ASSIGN_OR_RETURN(shape, broadcast_shapes(*shape, *b.shape));
  }
  propagate_known(c, a.dtype, shape, [](std::span<const Dim> d) -> std::optional<Dim> {
    if (d[0].is_constant()) return d[0].is_constant(0) ? d[2] : d[1];
    return d[1] == d[2] ? std::optional<Dim>(d[1]) : std::nullopt;
  });
  c.set_tensor(0, a.dtype, std::move(shape));
  return {};
}

Status eval(const Where&, EvalContext& c) {
  const Tensor &condition = c.input(0), &a = c.input(1), &b = c.input(2);
  FERRY_ASSIGN_OR_RETURN(Dims dims, broadcast_dims(condition.dims(), a.dims()));
  FERRY_ASSIGN_OR_RETURN(dims, broadcast_dims(dims, b.dims()));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, a.dtype(), dims));
  return visit_storage(a.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    T* out = y.data<T>();
    return for_each_row<3>(c, dims,
                           {broadcast_strides(condition.dims(), dims),
                            broadcast_strides(a.dims(), dims), broadcast_strides(b.dims(), dims)},
                           [&](int64_t n, const auto& at, const auto& step) {
                             const bool* choose = condition.data<bool>() + at[0];
                             const T *u = a.data<T>() + at[1], *v = b.data<T>() + at[2];
                             for (int64_t i = 0; i < n; ++i) {
                               out[i] = choose[i * step[0]] ? u[i * step[1]] : v[i * step[2]];
                             }
                             out += n;
                           });
  });
}

}  // namespace

void register_where(OpRegistry& r) {
  r.op<Where>("Where").since(16).inputs(3).infer(infer).reference(eval);
}

}  // namespace ferry
