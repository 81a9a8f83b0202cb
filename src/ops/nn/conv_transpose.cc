// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/conv_transpose.h"

#include "ops/nn/convolve.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status check_attrs(const ConvTranspose& op, size_t spatial_rank) {
  for (const auto* list : {&op.output_padding, &op.output_shape}) {
    const auto name = list == &op.output_padding ? "output_padding" : "output_shape";
    if (!list->empty() && list->size() != spatial_rank) {
      return invalid_model("attribute '{}' has {} values, wanted are {}", name, list->size(),
                           spatial_rank);
    }
    for (int64_t v : *list) {
      if (v < 0 || v > INT32_MAX) {
        return invalid_model("attribute '{}' holds {}, wanted is at least 0 and at most {}", name,
                             v, INT32_MAX);
      }
    }
  }
  if (op.group < 1) return invalid_model("attribute 'group' is {}, wanted is at least 1", op.group);
  return {};
}

// Size of y along `axis` and what it would be without any padding.
template <class Int>
struct Extent {
  Int size, full;
};
template <class Int>
Extent<Int> output_extent(const ConvTranspose& op, const Window& w, size_t axis, const Int& in,
                          const Int& kernel) {
  const WindowAxis& a = w.axes[axis];
  const Int extra(op.output_padding.empty() ? 0 : op.output_padding[axis]);
  const Int stride(a.stride);
  const Int full = stride * (in - Int(1)) + extra + (kernel - Int(1)) * Int(a.dilation) + Int(1);
  if (!op.output_shape.empty()) return {Int(op.output_shape[axis]), full};
  switch (w.auto_pad) {
    case AutoPad::kSameUpper:
    case AutoPad::kSameLower:
      return {in * stride, full};
    case AutoPad::kValid:
      return {full, full};
    case AutoPad::kNotset:
      break;
  }
  return {full - Int(a.pad_begin) - Int(a.pad_end), full};
}

Status infer(const ConvTranspose& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 2));
  FERRY_ASSIGN_OR_RETURN(const Type w, c.tensor(1, types::kFloating, 2));
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 1));
  if (c.has_input(2)) {
    FERRY_RETURN_IF_ERROR(c.tensor(2, types::kFloating, 1, 1).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, 2));
  }
  if (!x.has_rank() || !w.has_rank()) {
    c.set_tensor(0, x.dtype, std::nullopt);
    return {};
  }
  const size_t rank = x.rank();
  if (w.rank() != rank) {
    return shape_mismatch("x is {} and the weights are {}; wanted are equal ranks", x.to_string(),
                          w.to_string());
  }
  FERRY_RETURN_IF_ERROR(check_attrs(op, rank - 2));
  FERRY_ASSIGN_OR_RETURN(const Window window, window_of(op, rank - 2));
  const ImageAxes axes = image_axes(rank, op.channels_last);
  const Shape &xs = *x.shape, &ws = *w.shape;
  if (Dim::known_different(xs[axes.channel], ws[0])) {
    return shape_mismatch("x is {} and the weights are {}; wanted are as many filters as channels",
                          x.to_string(), w.to_string());
  }
  Shape spatial;
  for (size_t a = 0; a < rank - 2; ++a) {
    const int64_t stated = window.axes[a].kernel;
    const Dim kernel = stated == 0 ? ws[a + 2] : Dim(stated);
    if (Dim::known_different(kernel, ws[a + 2])) {
      return shape_mismatch(
          "attribute 'kernel_shape' says {} for spatial axis {}, the weights are {}", stated, a,
          w.to_string());
    }
    const Dim out = output_extent<Dim>(op, window, a, xs[axes.spatial + a], kernel).size;
    if (out.is_constant() && out.constant() < 0) {
      return shape_mismatch("spatial axis {}: the pads leave a size of {}", a, out.constant());
    }
    spatial.push_back(out);
  }
  if (ws[0].is_constant() && ws[0].constant() % op.group != 0) {
    return shape_mismatch("the weights are {}: {} channels are not a multiple of {} groups",
                          w.to_string(), ws[0].constant(), op.group);
  }
  const Dim channels = ws[1] * Dim(op.group);
  FERRY_RETURN_IF_ERROR(infer_bias(c, 2, channels));
  c.set_tensor(0, x.dtype, image_shape(xs[0], channels, spatial, op.channels_last));
  return {};
}

// Output sizes, and the pads that belong to them in `window`.
Status resolve(const ConvTranspose& op, Window& window, ConvSizes& s) {
  for (size_t i = 0; i < window.axes.size(); ++i) {
    WindowAxis& a = window.axes[i];
    if (s.in[i] > INT32_MAX || a.kernel > INT32_MAX) {
      return limit_exceeded("spatial axis {} has size {} under a window of {}", i, s.in[i],
                            a.kernel);
    }
    const auto [size, full] = output_extent<int64_t>(op, window, i, s.in[i], a.kernel);
    if (size < 0) return shape_mismatch("spatial axis {}: the pads leave a size of {}", i, size);
    s.out.push_back(size);
    const bool same =
        window.auto_pad == AutoPad::kSameUpper || window.auto_pad == AutoPad::kSameLower;
    if (op.output_shape.empty() && !same) continue;
    // A negative total means output beyond what the input reaches: it holds the bias.
    const int64_t total = full - size;
    const int64_t half = floor_div(total, 2);
    a.pad_begin = window.auto_pad == AutoPad::kSameUpper ? half : total - half;
    if (total < 0) a.pad_begin = 0;
    a.pad_end = total - a.pad_begin;
  }
  return {};
}

}  // namespace

Result<ConvSizes> transposed_sizes(const ConvTranspose& op, Window& window, const Tensor& x,
                                   const Tensor& w) {
  if (x.rank() < 2) return shape_mismatch("x is {}, wanted is rank 2 or more", x.describe());
  FERRY_RETURN_IF_ERROR(check_attrs(op, x.rank() - 2));
  FERRY_ASSIGN_OR_RETURN(window, window_of(op, x.rank() - 2));
  FERRY_ASSIGN_OR_RETURN(ConvSizes s, conv_sizes(window, x, w, op.group, true, op.channels_last));
  FERRY_RETURN_IF_ERROR(resolve(op, window, s));
  return s;
}

namespace {

Status eval(const ConvTranspose& op, EvalContext& c) {
  const Tensor &x = c.input(0), &w = c.input(1);
  Window window;
  FERRY_ASSIGN_OR_RETURN(const ConvSizes s, transposed_sizes(op, window, x, w));
  FERRY_RETURN_IF_ERROR(check_bias(c, 2, s.out_total()));
  FERRY_ASSIGN_OR_RETURN(
      Tensor y,
      c.output(0, x.dtype(), image_dims(s.batch, s.out_total(), s.out, op.channels_last)));
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

void register_conv_transpose(OpRegistry& r) {
  auto b = r.op<ConvTranspose>("ConvTranspose");
  window_attrs(b)
      .since(22)
      .inputs(2, 3)
      .attr("group", &ConvTranspose::group)
      .attr("output_padding", &ConvTranspose::output_padding)
      .attr("output_shape", &ConvTranspose::output_shape)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
