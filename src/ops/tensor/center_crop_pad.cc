// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/center_crop_pad.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/in_ranges.h"
#include "ops/move.h"
#include "ops/registry.h"
#include "ops/walk.h"

namespace ferry {
namespace {

Result<Axes> axes_of(const CenterCropPad& op, size_t rank) {
  if (op.axes) return normalize_axes(*op.axes, rank);
  Axes axes(rank);
  for (size_t i = 0; i < rank; ++i) axes[i] = i;
  return axes;
}

Status infer(const CenterCropPad& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0));
  FERRY_RETURN_IF_ERROR(c.tensor(1, types::kIndices, 1, 1).status());
  std::optional<Shape> shape = x.shape;
  if (shape) {
    FERRY_ASSIGN_OR_RETURN(const Axes axes, axes_of(op, x.rank()));
    const auto wanted = c.known(1);
    if (wanted && wanted->size() != axes.size()) {
      return invalid_model("shape has {} elements for {} axes", wanted->size(), axes.size());
    }
    for (size_t i = 0; i < axes.size(); ++i) {
      Dim& d = (*shape)[axes[i]];
      d = wanted ? (*wanted)[i] : c.fresh_dim(0, axes[i]);
      if (d.is_constant() && d.constant() < 0) return invalid_model("shape has a negative size");
    }
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

Status eval(const CenterCropPad& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(const Ints wanted, read_ints(c.input(1), "shape"));
  FERRY_ASSIGN_OR_RETURN(const Axes axes, axes_of(op, x.rank()));
  if (wanted.size() != axes.size()) {
    return invalid_argument("shape has {} elements for {} axes", wanted.size(), axes.size());
  }
  Dims dims = x.dims(), window = x.dims();
  const Dims from_strides = dense_strides(x.dims());
  Dims from_start = Dims::filled(x.rank(), 0), to_start = from_start;
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t a = axes[i];
    if (wanted[i] < 0) return invalid_argument("shape has the negative size {}", wanted[i]);
    dims[a] = wanted[i];
    window[a] = std::min(wanted[i], x.dim(a));
    from_start[a] = (x.dim(a) - window[a]) / 2;
    to_start[a] = (wanted[i] - window[a]) / 2;
  }
  return move_elements(c, x, 0, dims, [&]<class T>(TypeTag<T>, const T* from, T* to) -> Status {
    const Dims to_strides = dense_strides(dims);
    FERRY_RETURN_IF_ERROR(in_ranges(c, dims.count(), 1, [&](int64_t begin, int64_t end) {
      std::fill(to + begin, to + end, T{});
    }));
    for (size_t a = 0; a < x.rank() && window.count() > 0; ++a) {
      from += from_start[a] * from_strides[a];
      to += to_start[a] * to_strides[a];
    }
    return for_each_row<2>(c, window, {from_strides, to_strides},
                           [&](int64_t n, const auto& at, const auto& step) {
                             for (int64_t i = 0; i < n; ++i)
                               to[at[1] + i * step[1]] = from[at[0] + i * step[0]];
                           });
  });
}

}  // namespace

void register_center_crop_pad(OpRegistry& r) {
  r.op<CenterCropPad>("CenterCropPad")
      .since(18)
      .inputs(2)
      .attr("axes", &CenterCropPad::axes)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
