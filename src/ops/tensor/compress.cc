// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/compress.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/in_pieces.h"
#include "ops/move.h"
#include "ops/registry.h"

namespace ferry {
namespace {

Status infer(const Compress& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0));
  FERRY_RETURN_IF_ERROR(c.tensor(1, types::kBool, 1, 1).status());
  if (!op.axis) {
    c.set_tensor(0, x.dtype, c.fresh_shape(0, 1));
    return {};
  }
  std::optional<Shape> shape = x.shape;
  if (shape) {
    FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(*op.axis, x.rank()));
    (*shape)[axis] = c.fresh_dim(0, axis);
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

Status eval(const Compress& op, EvalContext& c) {
  Tensor x = c.input(0);
  const Tensor& condition = c.input(1);
  if (!op.axis) x = x.reshaped({x.count()});
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis.value_or(0), x.rank()));
  const bool* keep = condition.data<bool>();
  const int64_t n = std::min(x.dim(axis), condition.count());
  Dims dims = x.dims();
  dims[axis] = std::count(keep, keep + n, true);
  const int64_t outer = x.dims().count(0, axis), inner = x.dims().count(axis + 1, x.rank());
  const int64_t row = x.dim(axis) * inner;
  return move_elements(c, x, 0, dims, [&]<class T>(TypeTag<T>, const T* from, T* to) -> Status {
    PollEvery polls(c);
    for (int64_t o = 0; o < outer; ++o, from += row) {
      for (int64_t i = 0; i < n; ++i) {
        FERRY_RETURN_IF_ERROR(polls.spend(4));
        if (!keep[i]) continue;
        FERRY_RETURN_IF_ERROR(copy_in_pieces(polls, from + i * inner, inner, to));
        to += inner;
      }
    }
    return {};
  });
}

}  // namespace

void register_compress(OpRegistry& r) {
  r.op<Compress>("Compress")
      .since(28)
      .inputs(2)
      .attr("axis", &Compress::axis)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
