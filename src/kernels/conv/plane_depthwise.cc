// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/plane_depthwise.h"

#include <algorithm>
#include <cstring>

namespace ferry {

FERRY_DECLARE_ISA_TABLE(PlaneDepthwiseKernels, kPlaneDepthwise)

const PlaneDepthwiseKernels& plane_depthwise_kernels(Isa isa) noexcept {
  return FERRY_SELECT_ISA_TABLE(isa, kPlaneDepthwise);
}

namespace {

// Floats that a vector may reach beyond the columns that it needs.
constexpr int64_t kSlack = 16;

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

int64_t reach(const ConvShape& s, int d) { return (s.kernel[d] - 1) * s.dilation[d] + 1; }

PlaneSplit split_of(const ConvShape& s) {
  PlaneSplit split;
  split.width = s.in[2], split.first = -s.pad[2];
  split.parts = s.stride[2];
  split.count = s.out[2] + (reach(s, 2) - 1) / s.stride[2];
  split.from = std::min((s.pad[2] + s.stride[2] - 1) / s.stride[2], split.count);
  split.end = std::clamp((s.in[2] + s.pad[2]) / s.stride[2], split.from, split.count);
  split.part = round_up(split.count + kSlack, 16);
  split.row = split.part * split.parts;
  return split;
}

// What lies in the scratch: tables, a row of zeros, copies of rows.
struct Layout {
  PlaneSplit split;
  int64_t block;    // output rows that are computed together
  int64_t in_rows;  // from the first to the last that they see, per kd

  explicit Layout(const ConvShape& s) : split(split_of(s)) {
    // Copies share the first-level cache with the outputs, unless all would be halo then.
    const auto l1 = static_cast<int64_t>(cpu_info().l1d_bytes) / int64_t{sizeof(float)};
    const int64_t most = l1 / 2 / (split.row * s.kernel[0]) - reach(s, 1);
    block = std::clamp<int64_t>(std::max(most, 2 * s.kernel[1]) / s.stride[1], 1,
                                std::max<int64_t>(s.out[1], 1));
    in_rows = rows_under(s, block);
    if (in_rows > block * s.kernel[1]) block = 1, in_rows = reach(s, 1);
  }

  static int64_t rows_under(const ConvShape& s, int64_t rows) {
    return (rows - 1) * s.stride[1] + reach(s, 1);
  }
  int64_t tables(const ConvShape& s) const { return s.kernel[0] * in_rows + s.kernel[2]; }
  // The row of zeros, and the copies.
  int64_t rows(const ConvShape& s) const {
    return 1 + s.kernel[0] * std::min(in_rows, block * s.kernel[1]);
  }
};

// One thread's view of a layer.
class Planes {
 public:
  Planes(const PlaneDepthwiseKernels& kernels, const ConvShape& s, void* scratch)
      : kernels_(kernels), s_(s), layout_(s) {
    table_ = static_cast<const float**>(scratch);
    x_cols_ = reinterpret_cast<int64_t*>(table_ + s.kernel[0] * layout_.in_rows);
    zeros_ = reinterpret_cast<float*>(x_cols_ + s.kernel[2]);
    const int64_t floats = layout_.rows(s) * layout_.split.row;
    std::memset(zeros_, 0, static_cast<size_t>(floats) * sizeof(float));
    for (int64_t k = 0; k < s.kernel[2]; ++k) {
      const int64_t column = k * s.dilation[2];
      x_cols_[k] = column % s.stride[2] * layout_.split.part + column / s.stride[2];
    }
  }

  int64_t block() const { return layout_.block; }

  PlaneRows rows() const {
    PlaneRows r = {};
    r.x = table_, r.x_depth = layout_.in_rows;
    r.x_cols = x_cols_;
    r.kernel_d = s_.kernel[0], r.kernel_h = s_.kernel[1], r.kernel_w = s_.kernel[2];
    r.stride_h = s_.stride[1], r.dilation_h = s_.dilation[1];
    r.cols = s_.out[2];
    return r;
  }

  // Copies the rows of plane `x` under output rows [oh, oh + count) of depth `od`.
  void see(const float* x, int64_t od, int64_t oh, int64_t count) {
    const int64_t seen = Layout::rows_under(s_, count), pitch = s_.in[2];
    const int64_t step = count == 1 ? s_.dilation[1] : 1;  // none between the taps of a single row
    const int64_t h = oh * s_.stride[1] - s_.pad[1];
    const int64_t first = std::min(round_up(std::max<int64_t>(-h, 0), step), seen);
    const int64_t end = std::clamp(s_.in[1] - h, first, seen);
    float* copy = zeros_ + layout_.split.row;
    for (int64_t kd = 0; kd < s_.kernel[0]; ++kd) {
      const float** table = table_ + kd * layout_.in_rows;
      std::fill_n(table, seen, zeros_);
      const int64_t d = od * s_.stride[0] + kd * s_.dilation[0] - s_.pad[0];
      if (d < 0 || d >= s_.in[0] || first == end) continue;
      kernels_.split(layout_.split, x + (d * s_.in[1] + h + first) * pitch, step * pitch,
                     (end - first + step - 1) / step, copy);
      for (int64_t i = first; i < end; i += step, copy += layout_.split.row) table[i] = copy;
    }
  }

 private:
  const PlaneDepthwiseKernels& kernels_;
  const ConvShape& s_;
  const Layout layout_;
  const float** table_;
  int64_t* x_cols_;
  float* zeros_;
};

}  // namespace

int64_t plane_depthwise_scratch_bytes(const ConvShape& shape) noexcept {
  const Layout layout(shape);
  return layout.tables(shape) * int64_t{sizeof(int64_t)} +
         layout.rows(shape) * layout.split.row * int64_t{sizeof(float)};
}

void plane_depthwise_rows(const PlaneDepthwiseKernels& kernels, const ConvShape& shape,
                          const PlaneConvArgs& args, int64_t row0, int64_t row1,
                          void* scratch) noexcept {
  Planes planes(kernels, shape, scratch);
  PlaneRows r = planes.rows();
  r.lo = args.lo, r.hi = args.hi;
  const int64_t in_plane = shape.in[0] * shape.in[1] * shape.in[2];
  for (int64_t row = row0; row < row1; row += r.rows) {
    const int64_t oh = row % shape.out[1], od = row / shape.out[1] % shape.out[0];
    const int64_t plane = row / (shape.out[1] * shape.out[0]);
    const int64_t channel = plane % shape.out_channels, image = plane / shape.out_channels;
    r.rows = std::min({planes.block(), shape.out[1] - oh, row1 - row});
    planes.see(args.x + (image * shape.in_channels + channel / shape.group_out()) * in_plane, od,
               oh, r.rows);
    r.weights = args.weights + channel * shape.taps();
    r.bias = args.bias == nullptr ? 0.0f : args.bias[channel];
    r.y = args.y + row * r.cols;
    r.residual = args.residual == nullptr ? nullptr : args.residual + row * r.cols;
    kernels.rows(r);
  }
}

}  // namespace ferry
