// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/expand.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/in_pieces.h"
#include "ops/known.h"
#include "ops/move.h"
#include "ops/registry.h"
#include "ops/walk.h"

namespace ferry {
namespace {

Status infer(const Expand&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0));
  FERRY_RETURN_IF_ERROR(c.tensor(1, {DType::kInt64}, 1, 1).status());
  std::optional<Shape> shape;
  if (const auto to = c.partly_known(1)) {
    for (const Dim& d : *to) {
      if (d.is_constant() && d.constant() < 0) {
        return invalid_model("shape {} has a negative dimension", to_string(*to));
      }
    }
    FERRY_RETURN_IF_ERROR(check_rank(to->size()));
    if (x.shape) {
      FERRY_ASSIGN_OR_RETURN(shape, broadcast_shapes(*x.shape, *to));
      // Of an element that is not known: a size other than 1 stays.
      for (size_t a = shape->size() - x.rank(); a < shape->size(); ++a) {
        const Dim& d = (*x.shape)[a - (shape->size() - x.rank())];
        if ((*shape)[a].is_invalid() && d.is_constant() && !d.is_constant(1)) (*shape)[a] = d;
      }
      const std::optional<Dims> dims = constant_dims(*shape);
      if (dims) {
        if (auto known = known_expanded(c, 0, *dims)) c.set_known(0, *std::move(known));
      }
    }
  } else if (const auto n = constant_count(c, 1); n && x.shape) {
    FERRY_RETURN_IF_ERROR(check_rank(static_cast<size_t>(*n)));
    const size_t rank = std::max(x.rank(), static_cast<size_t>(*n));
    shape = c.fresh_shape(0, rank);
    // Axes that the shape does not reach keep their size, and so do those of more than 1.
    const size_t reached = rank - static_cast<size_t>(*n);
    for (size_t a = rank - x.rank(); a < rank; ++a) {
      const Dim& d = (*x.shape)[a - (rank - x.rank())];
      if (a < reached || (d.is_constant() && d.constant() != 1)) (*shape)[a] = d;
    }
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

}  // namespace

Result<StridedView> view_of(const Expand&, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Ints shape, read_ints(c.input(1), "shape"));
  FERRY_ASSIGN_OR_RETURN(const Dims to, make_dims(shape));
  FERRY_ASSIGN_OR_RETURN(const Dims dims, broadcast_dims(x.dims(), to));
  return StridedView{dims, broadcast_strides(x.dims(), dims), 0};
}

namespace {

Status eval(const Expand& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const StridedView view, view_of(op, c));
  return move_elements(c, c.input(0), 0, view.dims, [&]<class T>(TypeTag<T>, const T* x, T* y) {
    return copy_strided(c, x, view, y);
  });
}

Status infer_tile(const Tile&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0));
  FERRY_RETURN_IF_ERROR(c.tensor(1, {DType::kInt64}, 1, 1).status());
  const auto repeats = c.partly_known(1);
  if (!x.shape) {
    c.set_tensor(0, x.dtype, std::nullopt);
    return {};
  }
  Shape shape = c.fresh_shape(0, x.rank());
  if (repeats) {
    if (repeats->size() != x.rank()) {
      return shape_mismatch("repeats has {} elements, x has rank {}", repeats->size(), x.rank());
    }
    for (size_t a = 0; a < x.rank(); ++a) {
      if ((*repeats)[a].is_constant() && (*repeats)[a].constant() < 0) {
        return invalid_model("repeats {} has a negative count", to_string(*repeats));
      }
      shape[a] = (*x.shape)[a] * (*repeats)[a];
    }
    const auto known = c.known(0);
    if (known && x.rank() == 1 && (*repeats)[0].is_constant()) {
      KnownInts out;
      for (int64_t i = 0; i < (*repeats)[0].constant() && out.size() <= kMaxKnownInts; ++i) {
        if (known->empty()) break;
        out.insert(out.end(), known->begin(), known->end());
      }
      c.set_known(0, std::move(out));
    }
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

}  // namespace

Result<Dims> output_dims(const Tile&, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Ints repeats, read_ints(c.input(1), "repeats"));
  if (repeats.size() != x.rank()) {
    return shape_mismatch("repeats has {} elements, x has rank {}", repeats.size(), x.rank());
  }
  Dims dims;
  for (size_t a = 0; a < x.rank(); ++a) {
    int64_t size = 0;
    if (repeats[a] < 0 || __builtin_mul_overflow(x.dim(a), repeats[a], &size)) {
      return invalid_argument("repeats[{}] is {} for x {}", a, repeats[a], x.describe());
    }
    dims.push_back(size);
  }
  return dims;
}

namespace {

Status eval_tile(const Tile& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Dims dims, output_dims(op, c));
  const Dims dense = dense_strides(x.dims());
  return move_elements(c, x, 0, dims, [&]<class T>(TypeTag<T>, const T* from, T* to) -> Status {
    if (dims.count() == 0) return {};
    if (x.rank() == 0) {
      *to = *from;
      return {};
    }
    const size_t last = x.rank() - 1;
    PollEvery polls(c);
    Dims at = Dims::filled(x.rank(), 0);
    const int64_t rows = dims.count(0, last), n = x.dim(last);
    for (int64_t r = 0; r < rows; ++r) {
      FERRY_RETURN_IF_ERROR(polls.spend(32));
      int64_t offset = 0;
      for (size_t a = 0; a < last; ++a) offset += at[a] % x.dim(a) * dense[a];
      for (int64_t k = 0; k < dims[last] / n; ++k, to += n) {
        FERRY_RETURN_IF_ERROR(copy_in_pieces(polls, from + offset, n, to));
      }
      for (size_t a = last; a-- > 0;) {
        if (++at[a] < dims[a]) break;
        at[a] = 0;
      }
    }
    return {};
  });
}

}  // namespace

void register_expand(OpRegistry& r) {
  r.op<Expand>("Expand").since(13).inputs(2).infer(infer).reference(eval);
  r.op<Tile>("Tile").since(13).inputs(2).infer(infer_tile).reference(eval_tile);
}

}  // namespace ferry
