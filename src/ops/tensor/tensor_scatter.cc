// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/tensor_scatter.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/in_pieces.h"
#include "ops/in_ranges.h"
#include "ops/move.h"
#include "ops/registry.h"

namespace ferry {
namespace {

Result<size_t> axis_of(const TensorScatter& op, size_t rank) {
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, rank));
  if (axis == 0) return invalid_model("axis {} is the batch", op.axis);
  return axis;
}

Status check_update(const Shape& cache, const Shape& update, size_t axis) {
  bool fits = cache.size() == update.size();
  for (size_t a = 0; fits && a < cache.size(); ++a) {
    fits = a == axis ? !Dim::known_at_least(update[a], cache[a] + 1)
                     : !Dim::known_different(cache[a], update[a]);
  }
  if (fits) return {};
  return shape_mismatch("update {} does not fit cache {} along axis {}", to_string(update),
                        to_string(cache), axis);
}

Status infer(const TensorScatter& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type cache, c.tensor(0, types::kAll, 2));
  FERRY_ASSIGN_OR_RETURN(const Type update, c.tensor(1, types::kAll, 2));
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 1));
  if (c.has_input(2)) FERRY_RETURN_IF_ERROR(c.tensor(2, {DType::kInt64}, 1, 1).status());
  if (op.mode != "linear" && op.mode != "circular") {
    return invalid_model("mode is '{}', wanted is 'linear' or 'circular'", op.mode);
  }
  if (cache.shape) {
    FERRY_ASSIGN_OR_RETURN(const size_t axis, axis_of(op, cache.rank()));
    if (update.shape) FERRY_RETURN_IF_ERROR(check_update(*cache.shape, *update.shape, axis));
  }
  const Type& start = c.type(2);
  if (cache.shape && start.has_rank() &&
      Dim::known_different((*start.shape)[0], (*cache.shape)[0])) {
    return shape_mismatch("write_indices {} does not fit cache {}", start.to_string(),
                          cache.to_string());
  }
  c.set_type(0, std::move(cache));
  return {};
}

Status eval(const TensorScatter& op, EvalContext& c) {
  const Tensor &cache = c.input(0), &packed = c.input(1);
  const Tensor* start = c.has_input(2) ? &c.input(2) : nullptr;
  FERRY_ASSIGN_OR_RETURN(const size_t axis, axis_of(op, cache.rank()));
  FERRY_RETURN_IF_ERROR(check_update(shape_of(cache.dims()), shape_of(packed.dims()), axis));
  if (start != nullptr && start->count() != cache.dim(0)) {
    return shape_mismatch("write_indices is {}, the batch has {}", start->describe(), cache.dim(0));
  }
  FERRY_ASSIGN_OR_RETURN(const Tensor update, unpacked(c, packed));
  const int64_t outer = cache.dims().count(0, axis), length = cache.dim(axis), n = update.dim(axis);
  const int64_t inner = cache.dims().count(axis + 1, cache.rank());
  return move_elements(
      c, cache, 0, cache.dims(), [&]<class T>(TypeTag<T>, const T* from, T* to) -> Status {
        FERRY_RETURN_IF_ERROR(in_ranges(c, cache.count(), 1, [&](int64_t begin, int64_t end) {
          std::copy(from + begin, from + end, to + begin);
        }));
        PollEvery polls(c);
        for (int64_t o = 0; o < outer && n > 0; ++o) {
          const int64_t batch = o / (outer / cache.dim(0));
          const int64_t first = start == nullptr ? 0 : start->data<int64_t>()[batch];
          if (first < 0 || (op.mode == "linear" && first > length - n)) {
            return invalid_argument("write_indices[{}] is {} for {} of {} positions", batch, first,
                                    n, length);
          }
          for (int64_t i = 0; i < n; ++i) {
            FERRY_RETURN_IF_ERROR(polls.spend(8));
            const int64_t at = (first % length + i) % length;
            FERRY_RETURN_IF_ERROR(copy_in_pieces(polls, update.data<T>() + (o * n + i) * inner,
                                                 inner, to + (o * length + at) * inner));
          }
        }
        return {};
      });
}

}  // namespace

void register_tensor_scatter(OpRegistry& r) {
  r.op<TensorScatter>("TensorScatter")
      .since(24)
      .inputs(2, 3)
      .attr("axis", &TensorScatter::axis)
      .attr("mode", &TensorScatter::mode)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
