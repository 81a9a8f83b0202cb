// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/max_unpool.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/nn/window.h"
#include "ops/walk.h"
#include "tensor/size.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

const std::string kNoAutoPad = "NOTSET";
const std::vector<int64_t> kNoDilations;

Result<Window> unpool_window(const MaxUnpool& op, size_t spatial_rank) {
  FERRY_ASSIGN_OR_RETURN(
      Window w,
      make_window({kNoAutoPad, op.kernel_shape, op.strides, op.pads, kNoDilations}, spatial_rank));
  if (op.kernel_shape.size() == spatial_rank) return w;
  return invalid_model("attribute 'kernel_shape' has {} values, wanted are {}",
                       op.kernel_shape.size(), spatial_rank);
}

template <class Int>
Int full_size(const WindowAxis& a, const Int& in) {
  return (in - Int(1)) * Int(a.stride) + Int(a.kernel) - Int(a.pad_begin) - Int(a.pad_end);
}

Status infer(const MaxUnpool& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 2));
  FERRY_ASSIGN_OR_RETURN(const Type places, c.tensor(1, {DType::kInt64}));
  bool alike = !x.has_rank() || !places.has_rank() || x.rank() == places.rank();
  for (size_t a = 0; alike && x.has_rank() && places.has_rank() && a < x.rank(); ++a) {
    alike = !Dim::known_different((*x.shape)[a], (*places.shape)[a]);
  }
  if (!alike) {
    return shape_mismatch("x is {} and its indices {}, wanted is one shape", x.to_string(),
                          places.to_string());
  }
  if (!x.has_rank()) {
    c.set_tensor(0, x.dtype, std::nullopt);
    return {};
  }
  FERRY_ASSIGN_OR_RETURN(const Window w, unpool_window(op, x.rank() - 2));
  if (c.has_input(2)) {
    FERRY_RETURN_IF_ERROR(c.tensor(2, {DType::kInt64}, 1, 1).status());
    const auto known = c.known(2);
    if (known && known->size() != x.rank()) {
      return shape_mismatch("output_shape has {} elements, wanted are {}", known->size(), x.rank());
    }
    c.set_tensor(0, x.dtype, known ? *known : c.fresh_shape(0, x.rank()));
    return {};
  }
  Shape shape = *x.shape;
  for (size_t a = 0; a + 2 < shape.size(); ++a) {
    shape[a + 2] = full_size<Dim>(w.axes[a], shape[a + 2]);
    if (shape[a + 2].is_constant() && shape[a + 2].constant() < 0) {
      return shape_mismatch("spatial axis {}: the pads leave a size of {}", a,
                            shape[a + 2].constant());
    }
  }
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

Result<Dims> full_dims(const MaxUnpool& op, const Tensor& x) {
  FERRY_ASSIGN_OR_RETURN(const Window w, unpool_window(op, x.rank() - 2));
  Dims full = x.dims();
  for (size_t a = 0; a < w.axes.size(); ++a) {
    if (full[a + 2] > INT32_MAX) {
      return limit_exceeded("spatial axis {} has size {}", a, full[a + 2]);
    }
    full[a + 2] = full_size<int64_t>(w.axes[a], full[a + 2]);
    if (full[a + 2] < 0) {
      return shape_mismatch("spatial axis {}: the pads leave a size of {}", a, full[a + 2]);
    }
  }
  FERRY_RETURN_IF_ERROR(
      checked_count(std::span<const int64_t>(full.begin(), full.size())).status());
  return full;
}

}  // namespace

Result<MaxUnpoolDims> max_unpool_dims(const MaxUnpool& op, EvalContext& c) {
  const Tensor &x = c.input(0), &indices = c.input(1);
  if (x.rank() < 2 || !(x.dims() == indices.dims())) {
    return shape_mismatch("x is {} and indices {}, wanted are equal shapes of rank 2 or more",
                          x.describe(), indices.describe());
  }
  FERRY_ASSIGN_OR_RETURN(const Dims full, full_dims(op, x));
  Dims dims = full;
  if (c.has_input(2)) {
    FERRY_ASSIGN_OR_RETURN(const auto wanted, read_ints(c.input(2), "output_shape"));
    FERRY_ASSIGN_OR_RETURN(dims, make_dims(wanted));
    bool fits = dims.size() == full.size();
    for (size_t a = 0; fits && a < full.size(); ++a) fits = dims[a] >= full[a];
    if (!fits) {
      return shape_mismatch("output_shape is {}, wanted is at least {}", dims.to_string(),
                            full.to_string());
    }
  }
  return MaxUnpoolDims{full, dims};
}

namespace {

Status eval(const MaxUnpool& op, EvalContext& c) {
  const Tensor &x = c.input(0), &indices = c.input(1);
  FERRY_ASSIGN_OR_RETURN(const MaxUnpoolDims sizes, max_unpool_dims(op, c));
  const Dims &full = sizes.full, &dims = sizes.y;
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
  const int64_t count = full.count();
  const Dims strides = dense_strides(dims);
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    std::fill_n(y.data<T>(), y.count(), T(0.0f));
    for (int64_t i = 0; i < x.count(); ++i) {
      if (i % 65536 == 0) FERRY_RETURN_IF_ERROR(c.poll());
      int64_t from = indices.data<int64_t>()[i], to = 0;
      if (from < 0 || from >= count) {
        return invalid_argument("index {} outside [0, {})", from, count);
      }
      for (size_t a = full.size(); a-- > 0;) {
        to += from % full[a] * strides[a];
        from /= full[a];
      }
      y.data<T>()[to] = x.data<T>()[i];
    }
    return {};
  });
}

}  // namespace

void register_max_unpool(OpRegistry& r) {
  r.op<MaxUnpool>("MaxUnpool")
      .since(22)
      .inputs(2, 3)
      .required("kernel_shape", &MaxUnpool::kernel_shape)
      .attr("strides", &MaxUnpool::strides)
      .attr("pads", &MaxUnpool::pads)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
