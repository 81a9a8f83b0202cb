// SPDX-License-Identifier: Apache-2.0
// Geometry of sliding windows: what convolutions and poolings share: checked attributes, output
// sizes (as numbers and as symbolic dims), automatic padding, and the walk over one window.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/small_vector.h"
#include "ir/infer.h"
#include "ops/registry.h"

namespace ferry {

inline int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
inline int64_t ceil_div(int64_t a, int64_t b) { return -floor_div(-a, b); }

enum class AutoPad : uint8_t { kNotset, kSameUpper, kSameLower, kValid };
// Errors: kInvalidModel for another word.
Result<AutoPad> parse_auto_pad(const std::string& text);

struct WindowAxis {
  int64_t kernel = 0;  // 0: the attribute is absent, the weights say it
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t pad_begin = 0;
  int64_t pad_end = 0;

  // Input positions from the first to the last tap.
  int64_t extent() const { return (kernel - 1) * dilation + 1; }
};

struct Window {
  AutoPad auto_pad = AutoPad::kNotset;
  bool ceil_mode = false;
  SmallVector<WindowAxis, 3> axes;

  int64_t taps() const;  // the product of kernels; the caller knows that it fits
};

// Attributes as an operator holds them; absent lists are empty.
struct WindowAttrs {
  const std::string& auto_pad;
  const std::vector<int64_t>& kernel_shape;
  const std::vector<int64_t>& strides;
  const std::vector<int64_t>& pads;
  const std::vector<int64_t>& dilations;
  bool ceil_mode = false;
};
// Errors: kInvalidModel for lists of another length than the spatial rank, or values out of range.
Result<Window> make_window(const WindowAttrs& attrs, size_t spatial_rank);

template <class T>
Result<Window> window_of(const T& op, size_t spatial_rank) {
  bool ceil_mode = false;
  if constexpr (requires { op.ceil_mode; }) ceil_mode = op.ceil_mode;
  return make_window({op.auto_pad, op.kernel_shape, op.strides, op.pads, op.dilations, ceil_mode},
                     spatial_rank);
}

template <class T>
OpBuilder<T>& window_attrs(OpBuilder<T>& b, bool kernel_required = false) {
  return b.attr("auto_pad", &T::auto_pad)
      .attr("kernel_shape", &T::kernel_shape, kernel_required)
      .attr("strides", &T::strides)
      .attr("pads", &T::pads)
      .attr("dilations", &T::dilations);
}

// Output size along `axis`; Int is int64_t or Dim. Negative when the window does not fit.
template <class Int>
Int window_output(const Window& w, size_t axis, const Int& size, const Int& kernel) {
  const WindowAxis& a = w.axes[axis];
  const Int stride(a.stride), begin(a.pad_begin), end(a.pad_end);
  const Int extent = (kernel - Int(1)) * Int(a.dilation) + Int(1);
  switch (w.auto_pad) {
    case AutoPad::kSameUpper:
    case AutoPad::kSameLower:
      return ceil_div(size, stride);
    case AutoPad::kValid:
      return floor_div(size - extent, stride) + Int(1);
    case AutoPad::kNotset:
      break;
  }
  const Int room = size + begin + end - extent;
  if (!w.ceil_mode) return floor_div(room, stride) + Int(1);
  // Windows that would start in the padding at the end are not counted.
  using std::min;
  return min(ceil_div(room, stride) + Int(1), ceil_div(size + begin, stride));
}

// The same as a dimension of a shape rule. Errors: kShapeMismatch when it is a negative constant.
Result<Dim> window_output_dim(const Window& w, size_t axis, const Dim& size, const Dim& kernel);
// Output sizes for concrete inputs; replaces automatic padding in `w` by the pads it means.
// Errors: kShapeMismatch when a window does not fit, kLimitExceeded for absurd sizes.
Result<Dims> resolve_window(Window& w, const Dims& spatial);

// Batch, channels and spatial dims in either layout: N,C,spatial... or N,spatial...,C.
struct ImageAxes {
  size_t channel;
  size_t spatial;  // the first one
};
inline ImageAxes image_axes(size_t rank, bool channels_last) {
  return channels_last ? ImageAxes{rank - 1, 1} : ImageAxes{1, 2};
}
Shape image_shape(const Dim& n, const Dim& c, std::span<const Dim> spatial, bool channels_last);
Dims image_dims(int64_t n, int64_t c, const Dims& spatial, bool channels_last);
Dims spatial_dims(const Dims& dims, bool channels_last);

// Where element (n, c, p) lies; p counts spatial positions in row-major order.
struct ImageIndex {
  int64_t batch, channel, position;  // strides

  ImageIndex(int64_t channels, int64_t positions, bool channels_last)
      : batch(channels * positions),
        channel(channels_last ? 1 : positions),
        position(channels_last ? channels : 1) {}
  int64_t operator()(int64_t n, int64_t c, int64_t p) const {
    return n * batch + c * channel + p * position;
  }
};

// Steps `at` to the next position of a row-major walk over `dims`; false after the last.
inline bool next_position(Dims& at, const Dims& dims) {
  for (size_t a = dims.size(); a-- > 0;) {
    if (++at[a] < dims[a]) return true;
    at[a] = 0;
  }
  return false;
}

// Calls f(p) with the spatial position of every tap of the window at `at` that lies in the input.
template <class F>
void for_each_in_window(const Window& w, const Dims& in, const Dims& at, F&& f) {
  const size_t rank = in.size();
  Dims first = Dims::filled(rank, 0), count = first, tap = first;
  for (size_t a = 0; a < rank; ++a) {
    const WindowAxis& x = w.axes[a];
    const int64_t start = at[a] * x.stride - x.pad_begin;
    const int64_t from = start < 0 ? ceil_div(-start, x.dilation) : 0;
    const int64_t to = std::min(x.kernel, ceil_div(in[a] - start, x.dilation));
    if (to <= from) return;
    first[a] = start + from * x.dilation;
    count[a] = to - from;
  }
  do {
    int64_t p = 0;
    for (size_t a = 0; a < rank; ++a) p = p * in[a] + first[a] + tap[a] * w.axes[a].dilation;
    f(p);
  } while (next_position(tap, count));
}

}  // namespace ferry
