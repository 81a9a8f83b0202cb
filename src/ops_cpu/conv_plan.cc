// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/conv_plan.h"

#include "base/status.h"
#include "ops/nn/window.h"

namespace ferry {

ConvPlan make_conv_plan(const Conv& op, const Dims& w) {
  ConvPlan plan;
  plan.op = op;
  plan.spatial = w.size() - 2;
  plan.shape.groups = op.group;
  plan.shape.out_channels = w[0];
  plan.shape.in_channels = w[1] * op.group;
  for (size_t a = 0; a < plan.spatial; ++a) {
    const size_t d = 3 - plan.spatial + a;
    plan.shape.kernel[d] = w[2 + a];
    if (!op.strides.empty()) plan.shape.stride[d] = op.strides[a];
    if (!op.dilations.empty()) plan.shape.dilation[d] = op.dilations[a];
  }
  return plan;
}

std::string weights_label(std::string_view kernel, const ConvShape& shape) {
  std::string label = fmt::format("{}, {} to {} channels in {} groups", kernel, shape.in_channels,
                                  shape.out_channels, shape.groups);
  for (const int64_t* sizes : {shape.kernel, shape.stride, shape.dilation}) {
    label += fmt::format(", {}x{}x{}", sizes[0], sizes[1], sizes[2]);
  }
  return label;
}

Result<ConvShape> resolve_conv(const ConvPlan& plan, const Tensor& x) {
  return resolve_conv(plan, x.dims());
}

Result<ConvShape> resolve_conv(const ConvPlan& plan, const Dims& x) {
  FERRY_ASSIGN_OR_RETURN(Window window, window_of(plan.op, plan.spatial));
  for (size_t a = 0; a < plan.spatial; ++a) {
    window.axes[a].kernel = plan.shape.kernel[3 - plan.spatial + a];
  }
  const int64_t channels = x[plan.op.x_last() ? x.size() - 1 : 1];
  if (channels != plan.shape.in_channels) {
    return shape_mismatch("x has {} channels, wanted are {}", channels, plan.shape.in_channels);
  }
  const Dims in = spatial_dims(x, plan.op.x_last());
  FERRY_ASSIGN_OR_RETURN(const Dims out, resolve_window(window, in));
  ConvShape s = plan.shape;
  s.batch = x[0];
  for (size_t a = 0; a < plan.spatial; ++a) {
    const size_t d = 3 - plan.spatial + a;
    s.in[d] = in[a];
    s.out[d] = out[a];
    s.stride[d] = window.axes[a].stride;
    s.dilation[d] = window.axes[a].dilation;
    s.pad[d] = window.axes[a].pad_begin;
  }
  return s;
}

}  // namespace ferry
