// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/gather_nd.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/in_pieces.h"
#include "ops/move.h"
#include "ops/registry.h"

namespace ferry {
namespace {

Result<Shape> gathered_shape(const GatherND& op, const Shape& x, const Shape& indices, int64_t m) {
  const auto rank = static_cast<int64_t>(x.size());
  const auto b = op.batch_dims;
  if (b < 0 || b >= static_cast<int64_t>(indices.size()) || b > rank) {
    return shape_mismatch("batch_dims is {}, x is {}, indices are {}: wanted are axes of both", b,
                          to_string(x), to_string(indices));
  }
  if (m < 0 || m > rank - b) {
    return shape_mismatch(
        "x {} is indexed by {} with batch_dims {}: wanted are at most {} positions", to_string(x),
        to_string(indices), b, rank - b);
  }
  for (size_t a = 0; a < static_cast<size_t>(b); ++a) {
    if (Dim::known_different(x[a], indices[a])) {
      return shape_mismatch("batch axis {} is {} in x and {} in indices", a, x[a].to_string(),
                            indices[a].to_string());
    }
  }
  Shape shape(indices.begin(), indices.end() - 1);
  shape.insert(shape.end(), x.begin() + b + m, x.end());
  FERRY_RETURN_IF_ERROR(check_rank(shape.size()));
  return shape;
}

Status infer(const GatherND& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kAll, 1));
  FERRY_ASSIGN_OR_RETURN(const Type indices, c.tensor(1, {DType::kInt64}, 1));
  std::optional<Shape> shape;
  if (x.shape && indices.shape && indices.shape->back().is_constant()) {
    FERRY_ASSIGN_OR_RETURN(
        shape, gathered_shape(op, *x.shape, *indices.shape, indices.shape->back().constant()));
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

Status eval(const GatherND& op, EvalContext& c) {
  const Tensor &x = c.input(0), &indices = c.input(1);
  if (indices.rank() == 0) return shape_mismatch("indices are a scalar");
  const int64_t m = indices.dims().back();
  FERRY_ASSIGN_OR_RETURN(const Shape shape,
                         gathered_shape(op, shape_of(x.dims()), shape_of(indices.dims()), m));
  const auto first = static_cast<size_t>(op.batch_dims), last = first + static_cast<size_t>(m);
  const int64_t batches = x.dims().count(0, first);
  const int64_t block = x.dims().count(first, x.rank()), inner = x.dims().count(last, x.rank());
  const int64_t per_batch = indices.dims().count(first, indices.rank() - 1);
  const IndexReader read(indices);
  return move_elements(
      c, x, 0, *constant_dims(shape), [&]<class T>(TypeTag<T>, const T* from, T* to) -> Status {
        PollEvery polls(c);
        int64_t next = 0;
        for (int64_t b = 0; b < batches; ++b, from += block) {
          for (int64_t i = 0; i < per_batch; ++i, to += inner) {
            FERRY_RETURN_IF_ERROR(polls.spend(32 * (m + 1)));
            int64_t at = 0;
            for (size_t a = first; a < last; ++a) {
              int64_t index = 0;
              FERRY_RETURN_IF_ERROR(read.get(next++, x.dim(a), index));
              at = at * x.dim(a) + index;
            }
            FERRY_RETURN_IF_ERROR(copy_in_pieces(polls, from + at * inner, inner, to));
          }
        }
        return {};
      });
}

}  // namespace

void register_gather_nd(OpRegistry& r) {
  r.op<GatherND>("GatherND")
      .since(13)
      .inputs(2)
      .attr("batch_dims", &GatherND::batch_dims)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
