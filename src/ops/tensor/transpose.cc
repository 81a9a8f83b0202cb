// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/transpose.h"

#include "ops/arguments.h"
#include "ops/move.h"
#include "ops/registry.h"
#include "ops/walk.h"

namespace ferry {
namespace {

Result<Axes> permutation(const Transpose& op, size_t rank) {
  Ints perm(op.perm);
  if (perm.empty()) {
    for (size_t i = rank; i-- > 0;) perm.push_back(static_cast<int64_t>(i));
  }
  if (perm.size() != rank) {
    return invalid_model("perm has {} axes, x has {}", perm.size(), rank);
  }
  // Unlike axes elsewhere these do not count from the back: passes compare permutations as lists.
  for (int64_t axis : perm) {
    if (axis < 0) return invalid_model("perm holds {}, wanted are axes from 0 to {}", axis, rank - 1);
  }
  return normalize_axes(perm, rank);
}

void set_known_permuted(InferContext& c, const Type& x, const Axes& perm) {
  const auto known = c.known(0);
  const auto dims = constant_dims(*x.shape);
  if (!known || !dims) return;
  Dims to;
  for (size_t axis : perm) to.push_back((*dims)[axis]);
  const Dims dense = dense_strides(*dims);
  KnownInts out;
  Dims at = Dims::filled(to.size(), 0);
  for (size_t i = 0; i < known->size(); ++i) {
    int64_t from = 0;
    for (size_t a = 0; a < to.size(); ++a) from += at[a] * dense[perm[a]];
    out.push_back((*known)[static_cast<size_t>(from)]);
    for (size_t a = to.size(); a-- > 0;) {
      if (++at[a] < to[a]) break;
      at[a] = 0;
    }
  }
  c.set_known(0, std::move(out));
}

Status infer(const Transpose& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0));
  std::optional<Shape> shape;
  if (x.shape) {
    FERRY_ASSIGN_OR_RETURN(const Axes perm, permutation(op, x.rank()));
    shape.emplace();
    for (size_t axis : perm) shape->push_back((*x.shape)[axis]);
    set_known_permuted(c, x, perm);
  } else if (!op.perm.empty()) {
    FERRY_RETURN_IF_ERROR(permutation(op, op.perm.size()).status());
    shape = c.fresh_shape(0, op.perm.size());
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

}  // namespace

Result<StridedView> view_of(const Transpose& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Axes perm, permutation(op, x.rank()));
  const Dims dense = dense_strides(x.dims());
  StridedView view;
  for (size_t axis : perm) {
    view.dims.push_back(x.dim(axis));
    view.strides.push_back(dense[axis]);
  }
  return view;
}

namespace {

Status eval(const Transpose& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const StridedView view, view_of(op, c));
  return move_elements(c, c.input(0), 0, view.dims, [&]<class T>(TypeTag<T>, const T* x, T* y) {
    return copy_strided(c, x, view, y);
  });
}

}  // namespace

void register_transpose(OpRegistry& r) {
  r.op<Transpose>("Transpose")
      .since(25)
      .attr("perm", &Transpose::perm)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
