// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/gather.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/in_pieces.h"
#include "ops/known.h"
#include "ops/move.h"
#include "ops/registry.h"

namespace ferry {
namespace {

void set_known_elements(InferContext& c) {
  const auto values = c.partly_known(0);
  const auto indices = c.constant_ints(1);
  if (!values || !indices) return;
  const auto n = static_cast<int64_t>(values->size());
  KnownInts out;
  for (int64_t i : *indices) {
    if (i < -n || i >= n) return;
    out.push_back((*values)[static_cast<size_t>(i < 0 ? i + n : i)]);
  }
  c.set_known(0, std::move(out));
}

Status infer(const Gather& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kAll, 1));
  FERRY_ASSIGN_OR_RETURN(const Type indices, c.tensor(1, types::kIndices));
  if (!x.shape || !indices.shape) {
    c.set_tensor(0, x.dtype, std::nullopt);
    return {};
  }
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  FERRY_RETURN_IF_ERROR(check_rank(x.rank() - 1 + indices.rank()));
  const auto at = x.shape->begin() + static_cast<std::ptrdiff_t>(axis);
  Shape shape(x.shape->begin(), at);
  shape.insert(shape.end(), indices.shape->begin(), indices.shape->end());
  shape.insert(shape.end(), at + 1, x.shape->end());
  if (x.rank() == 1) set_known_elements(c);
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

Status eval(const Gather& op, EvalContext& c) {
  const Tensor &x = c.input(0), &indices = c.input(1);
  if (x.rank() == 0) return shape_mismatch("x is a scalar");
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  FERRY_RETURN_IF_ERROR(check_rank(x.rank() - 1 + indices.rank()));
  Dims dims(std::span(x.dims().begin(), axis));
  for (int64_t d : indices.dims()) dims.push_back(d);
  for (size_t a = axis + 1; a < x.rank(); ++a) dims.push_back(x.dim(a));
  const int64_t outer = x.dims().count(0, axis), n = x.dim(axis);
  const int64_t inner = x.dims().count(axis + 1, x.rank()), m = indices.count();
  const IndexReader read(indices);
  return move_elements(c, x, 0, dims, [&]<class T>(TypeTag<T>, const T* from, T* to) -> Status {
    PollEvery polls(c);
    for (int64_t o = 0; o < outer; ++o, from += n * inner) {
      for (int64_t j = 0; j < m; ++j, to += inner) {
        int64_t at = 0;
        FERRY_RETURN_IF_ERROR(read.get(j, n, at));
        FERRY_RETURN_IF_ERROR(copy_in_pieces(polls, from + at * inner, inner, to));
      }
    }
    return {};
  });
}

}  // namespace

void register_gather(OpRegistry& r) {
  r.op<Gather>("Gather")
      .since(13)
      .inputs(2)
      .attr("axis", &Gather::axis)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
