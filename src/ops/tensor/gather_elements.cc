// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/gather_elements.h"

#include "ops/arguments.h"
#include "ops/move.h"
#include "ops/registry.h"
#include "ops/walk.h"

namespace ferry {
namespace {

Status infer(const GatherElements& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kAll, 1));
  FERRY_ASSIGN_OR_RETURN(const Type indices, c.tensor(1, types::kIndices, 1));
  if (x.shape) FERRY_RETURN_IF_ERROR(normalize_axis(op.axis, x.rank()).status());
  if (x.shape && indices.shape && x.rank() != indices.rank()) {
    return shape_mismatch("x is {}, indices are {}; wanted is one rank", x.to_string(),
                          indices.to_string());
  }
  std::optional<Shape> shape = indices.shape;
  if (!shape && x.shape) shape = c.fresh_shape(0, x.rank());
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

Status eval(const GatherElements& op, EvalContext& c) {
  const Tensor &x = c.input(0), &indices = c.input(1);
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  bool fits = indices.rank() == x.rank();
  for (size_t a = 0; fits && a < x.rank(); ++a) fits = a == axis || indices.dim(a) <= x.dim(a);
  if (!fits) {
    return shape_mismatch("indices {} do not lie in x {}", indices.describe(), x.describe());
  }
  // Two walks over the indices: through themselves, and through x with the axis held still.
  const Dims dense = dense_strides(x.dims());
  Dims strides = dense;
  strides[axis] = 0;
  const IndexReader read(indices);
  return move_elements(c, x, 0, indices.dims(), [&]<class T>(TypeTag<T>, const T* from, T* to) {
    int64_t j = 0;
    return for_each_row<1>(c, indices.dims(), {strides},
                           [&](int64_t n, const auto& at, const auto& step) -> Status {
                             for (int64_t i = 0; i < n; ++i, ++j) {
                               int64_t index = 0;
                               FERRY_RETURN_IF_ERROR(read.get(j, x.dim(axis), index));
                               to[j] = from[at[0] + i * step[0] + index * dense[axis]];
                             }
                             return {};
                           });
  });
}

}  // namespace

void register_gather_elements(OpRegistry& r) {
  r.op<GatherElements>("GatherElements")
      .since(13)
      .inputs(2)
      .attr("axis", &GatherElements::axis)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
