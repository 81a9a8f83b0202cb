// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/conv.h"

#include <algorithm>

#include "ops/nn/convolve.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const Conv& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 2));
  FERRY_ASSIGN_OR_RETURN(const Type w, c.tensor(1, types::kFloating, 2));
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 1));
  if (c.has_input(2)) {
    FERRY_RETURN_IF_ERROR(c.tensor(2, types::kFloating, 1, 1).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, 2));
  }
  FERRY_ASSIGN_OR_RETURN(std::optional<Shape> shape, infer_conv({op.auto_pad, op.kernel_shape,
                                                                 op.strides, op.pads, op.dilations},
                                                                op.group, op.x_last(), x, w, c));
  // As x has its channels, so has the shape: move them where y has them.
  if (shape && op.x_last() != op.y_last()) {
    if (op.y_last()) {
      std::rotate(shape->begin() + 1, shape->begin() + 2, shape->end());
    } else {
      std::rotate(shape->begin() + 1, shape->end() - 1, shape->end());
    }
  }
  if (w.has_rank()) FERRY_RETURN_IF_ERROR(infer_bias(c, 2, (*w.shape)[0]));
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

Status eval(const Conv& op, EvalContext& c) {
  const Tensor &x = c.input(0), &w = c.input(1);
  if (x.rank() < 2) return shape_mismatch("x is {}, wanted is rank 2 or more", x.describe());
  FERRY_ASSIGN_OR_RETURN(Window window, window_of(op, x.rank() - 2));
  FERRY_ASSIGN_OR_RETURN(ConvSizes s, conv_sizes(window, x, w, op.group, false, op.x_last()));
  s.y_channels_last = op.y_last();
  FERRY_RETURN_IF_ERROR(check_bias(c, 2, s.out_total()));
  FERRY_ASSIGN_OR_RETURN(
      Tensor y, c.output(0, x.dtype(), image_dims(s.batch, s.out_total(), s.out, op.y_last())));
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    using C = compute_t<T>;
    const T *px = x.data<T>(), *pw = w.data<T>();
    const T* bias = c.has_input(2) ? c.input(2).data<T>() : nullptr;
    T* py = y.data<T>();
    return convolve<double>(
        s, window, [=](int64_t i) { return double(C(px[i])); },
        [=](int64_t i, int64_t) { return double(C(pw[i])); },
        [=](int64_t i, int64_t m, double sum) {
          py[i] = T(static_cast<C>(bias != nullptr ? sum + double(C(bias[m])) : sum));
        },
        c);
  });
}

}  // namespace

void register_conv(OpRegistry& r) {
  auto b = r.op<Conv>("Conv");
  window_attrs(b).since(22).inputs(2, 3).attr("group", &Conv::group).infer(infer).reference(eval);
}

}  // namespace ferry
