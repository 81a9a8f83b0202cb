// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/window.h"

namespace ferry {
namespace {

// Attributes and spatial sizes beyond these mean nothing, and within them no sum overflows.
constexpr int64_t kMaxAttr = INT32_MAX;
constexpr int64_t kMaxSize = int64_t{1} << 48;

Status check_list(std::string_view name, const std::vector<int64_t>& values, size_t wanted,
                  int64_t min) {
  if (values.empty()) return {};
  if (values.size() != wanted) {
    return invalid_model("attribute '{}' has {} values, wanted are {}", name, values.size(),
                         wanted);
  }
  for (int64_t v : values) {
    if (v < min || v > kMaxAttr) {
      return invalid_model("attribute '{}' holds {}, wanted is at least {} and at most {}", name, v,
                           min, kMaxAttr);
    }
  }
  return {};
}

Status no_room(const WindowAxis& a, size_t axis, int64_t size) {
  return shape_mismatch(
      "spatial axis {}: a window of {} taps at dilation {} does not fit in {} with pads {} and {}",
      axis, a.kernel, a.dilation, size, a.pad_begin, a.pad_end);
}

}  // namespace

Result<AutoPad> parse_auto_pad(const std::string& text) {
  if (text == "NOTSET" || text.empty()) return AutoPad::kNotset;
  if (text == "SAME_UPPER") return AutoPad::kSameUpper;
  if (text == "SAME_LOWER") return AutoPad::kSameLower;
  if (text == "VALID") return AutoPad::kValid;
  return invalid_model(
      "attribute 'auto_pad' is '{}', wanted is NOTSET, SAME_UPPER, SAME_LOWER or VALID", text);
}

int64_t Window::taps() const {
  int64_t n = 1;
  for (const WindowAxis& a : axes) n *= a.kernel;
  return n;
}

Result<Window> make_window(const WindowAttrs& attrs, size_t spatial_rank) {
  Window w;
  FERRY_ASSIGN_OR_RETURN(w.auto_pad, parse_auto_pad(attrs.auto_pad));
  w.ceil_mode = attrs.ceil_mode;
  FERRY_RETURN_IF_ERROR(check_list("kernel_shape", attrs.kernel_shape, spatial_rank, 1));
  FERRY_RETURN_IF_ERROR(check_list("strides", attrs.strides, spatial_rank, 1));
  FERRY_RETURN_IF_ERROR(check_list("dilations", attrs.dilations, spatial_rank, 1));
  FERRY_RETURN_IF_ERROR(check_list("pads", attrs.pads, 2 * spatial_rank, 0));
  w.axes.assign(spatial_rank, {});
  for (size_t i = 0; i < spatial_rank; ++i) {
    WindowAxis& a = w.axes[i];
    if (!attrs.kernel_shape.empty()) a.kernel = attrs.kernel_shape[i];
    if (!attrs.strides.empty()) a.stride = attrs.strides[i];
    if (!attrs.dilations.empty()) a.dilation = attrs.dilations[i];
    // Automatic padding ignores explicit pads.
    if (attrs.pads.empty() || w.auto_pad != AutoPad::kNotset) continue;
    a.pad_begin = attrs.pads[i];
    a.pad_end = attrs.pads[i + spatial_rank];
  }
  return w;
}

Result<Dim> window_output_dim(const Window& w, size_t axis, const Dim& size, const Dim& kernel) {
  Dim out = window_output<Dim>(w, axis, size, kernel);
  if (out.is_constant() && out.constant() < 0) {
    WindowAxis a = w.axes[axis];
    a.kernel = kernel.is_constant() ? kernel.constant() : 0;
    return no_room(a, axis, size.is_constant() ? size.constant() : 0);
  }
  return out;
}

Result<Dims> resolve_window(Window& w, const Dims& spatial) {
  Dims out;
  for (size_t i = 0; i < w.axes.size(); ++i) {
    WindowAxis& a = w.axes[i];
    if (spatial[i] > kMaxSize || a.kernel > kMaxAttr) {
      return limit_exceeded("spatial axis {} has size {} under a window of {}", i, spatial[i],
                            a.kernel);
    }
    const int64_t n = window_output<int64_t>(w, i, spatial[i], a.kernel);
    if (n < 0) return no_room(a, i, spatial[i]);
    out.push_back(n);
    if (w.auto_pad != AutoPad::kSameUpper && w.auto_pad != AutoPad::kSameLower) continue;
    const int64_t total = std::max<int64_t>(0, (n - 1) * a.stride + a.extent() - spatial[i]);
    a.pad_begin = w.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    a.pad_end = total - a.pad_begin;
  }
  w.auto_pad = AutoPad::kNotset;
  return out;
}

Shape image_shape(const Dim& n, const Dim& c, std::span<const Dim> spatial, bool channels_last) {
  Shape shape{n};
  if (!channels_last) shape.push_back(c);
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  if (channels_last) shape.push_back(c);
  return shape;
}

Dims image_dims(int64_t n, int64_t c, const Dims& spatial, bool channels_last) {
  Dims dims{n};
  if (!channels_last) dims.push_back(c);
  for (int64_t d : spatial) dims.push_back(d);
  if (channels_last) dims.push_back(c);
  return dims;
}

Dims spatial_dims(const Dims& dims, bool channels_last) {
  const std::span<const int64_t> all = dims;
  return Dims(all.subspan(image_axes(dims.size(), channels_last).spatial, dims.size() - 2));
}

}  // namespace ferry
