// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/convolve.h"

namespace ferry {
namespace {

Status wrong_channels(int64_t seen, int64_t per_group, int64_t group) {
  return shape_mismatch("x has {} channels, wanted are {} (the weights' {} in {} groups)", seen,
                        per_group * group, per_group, group);
}

Status check_group(int64_t group) {
  if (group >= 1) return {};
  return invalid_model("attribute 'group' is {}, wanted is at least 1", group);
}

}  // namespace

Result<ConvSizes> conv_sizes(Window& window, const Tensor& x, const Tensor& w, int64_t group,
                             bool transposed, bool channels_last) {
  FERRY_RETURN_IF_ERROR(check_group(group));
  if (x.rank() < 2 || w.rank() != x.rank()) {
    return shape_mismatch("x is {} and the weights are {}; wanted are equal ranks of at least 2",
                          x.describe(), w.describe());
  }
  const ImageAxes axes = image_axes(x.rank(), channels_last);
  for (size_t a = 0; a < window.axes.size(); ++a) {
    int64_t& kernel = window.axes[a].kernel;
    if (kernel != 0 && kernel != w.dim(a + 2)) {
      return shape_mismatch("attribute 'kernel_shape' says {} for spatial axis {}, the weights {}",
                            kernel, a, w.describe());
    }
    kernel = w.dim(a + 2);
  }
  ConvSizes s;
  s.batch = x.dim(0);
  s.group = group;
  s.transposed = transposed;
  s.channels_last = s.y_channels_last = channels_last;
  s.in = spatial_dims(x.dims(), channels_last);
  const int64_t channels = x.dim(axes.channel);
  const int64_t filters = w.dim(0), per_group = w.dim(1);
  if (transposed) {
    if (filters != channels || channels % group != 0) {
      return shape_mismatch(
          "x has {} channels and the weights are {} in {} groups; wanted are {} "
          "channels, a multiple of the groups",
          channels, w.describe(), group, filters);
    }
    s.in_channels = channels / group;
    s.out_channels = per_group;
    int64_t total;
    if (__builtin_mul_overflow(per_group, group, &total)) {
      return limit_exceeded("{} groups of {} channels", group, per_group);
    }
    return s;
  }
  if (channels % group != 0 || channels / group != per_group) {
    return wrong_channels(channels, per_group, group);
  }
  if (filters % group != 0) {
    return shape_mismatch("{} filters do not divide into {} groups", filters, group);
  }
  s.in_channels = per_group;
  s.out_channels = filters / group;
  FERRY_ASSIGN_OR_RETURN(s.out, resolve_window(window, s.in));
  return s;
}

Status check_bias(EvalContext& c, size_t input, int64_t channels) {
  if (!c.has_input(input)) return {};
  const Tensor& b = c.input(input);
  if (b.rank() == 1 && b.dim(0) == channels) return {};
  return shape_mismatch("the bias is {}, wanted is [{}]", b.describe(), channels);
}

Status infer_bias(const InferContext& c, size_t input, const Dim& channels) {
  if (!c.has_input(input)) return {};
  const Type& b = c.type(input);
  if (!b.has_rank() || !Dim::known_different((*b.shape)[0], channels)) return {};
  return shape_mismatch("the bias is {}, wanted is [{}]", b.to_string(), channels.to_string());
}

Result<std::optional<Shape>> infer_conv(const WindowAttrs& attrs, int64_t group, bool channels_last,
                                        const Type& x, const Type& w, InferContext& c) {
  FERRY_RETURN_IF_ERROR(check_group(group));
  if (!x.has_rank() && !w.has_rank()) return std::optional<Shape>();
  const size_t rank = x.has_rank() ? x.rank() : w.rank();
  if (w.has_rank() && w.rank() != rank) {
    return shape_mismatch("x is {} and the weights are {}; wanted are equal ranks", x.to_string(),
                          w.to_string());
  }
  FERRY_ASSIGN_OR_RETURN(const Window window, make_window(attrs, rank - 2));
  const ImageAxes axes = image_axes(rank, channels_last);
  const Shape xs = x.has_rank() ? *x.shape : c.fresh_shape(0, rank);
  if (w.has_rank()) {
    const Dim wanted = (*w.shape)[1] * Dim(group);
    if (x.has_rank() && Dim::known_different(xs[axes.channel], wanted)) {
      if (!xs[axes.channel].is_constant() || !wanted.is_constant()) {
        return shape_mismatch("x is {} and the weights are {} in {} groups", x.to_string(),
                              w.to_string(), group);
      }
      return wrong_channels(xs[axes.channel].constant(), (*w.shape)[1].constant(), group);
    }
    const Dim& filters = (*w.shape)[0];
    if (filters.is_constant() && filters.constant() % group != 0) {
      return shape_mismatch("{} filters do not divide into {} groups", filters.constant(), group);
    }
  }
  Shape spatial;
  for (size_t a = 0; a < rank - 2; ++a) {
    const WindowAxis& axis = window.axes[a];
    if (!x.has_rank() || (!w.has_rank() && axis.kernel == 0)) {
      spatial.push_back(c.fresh_dim(0, axes.spatial + a));
      continue;
    }
    Dim kernel = axis.kernel;
    if (w.has_rank()) {
      if (axis.kernel != 0 && Dim::known_different(axis.kernel, (*w.shape)[a + 2])) {
        return shape_mismatch(
            "attribute 'kernel_shape' says {} for spatial axis {}, the weights "
            "are {}",
            axis.kernel, a, w.to_string());
      }
      if (axis.kernel == 0) kernel = (*w.shape)[a + 2];
    }
    FERRY_ASSIGN_OR_RETURN(Dim out, window_output_dim(window, a, xs[axes.spatial + a], kernel));
    spatial.push_back(std::move(out));
  }
  const Dim channels = w.has_rank() ? (*w.shape)[0] : c.fresh_dim(0, axes.channel);
  return std::optional<Shape>(image_shape(xs[0], channels, spatial, channels_last));
}

}  // namespace ferry
