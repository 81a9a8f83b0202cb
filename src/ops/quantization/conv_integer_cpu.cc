// SPDX-License-Identifier: Apache-2.0
// ConvInteger and QLinearConv: filters packed as 16-bit rows, the pixels under them as panels of a
// few columns that stay in the first-level cache while all filters pass.
#include <optional>

#include "base/allocator.h"
#include "kernels/integer/integer.h"
#include "ops/nn/convolve.h"
#include "ops/quantization/conv_integer.h"
#include "ops/quantization/number.h"
#include "ops_cpu/integer_pack.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Where x, w and their zero points are among the inputs.
struct Slots {
  size_t x, x_zero, w, w_zero;
};
constexpr Slots kInteger = {0, 2, 1, 3};
constexpr Slots kLinear = {0, 2, 3, 5};

// The taps of a window that a row of pixels meets, as offsets into a plane.
struct PixelRows {
  const ConvSizes& s;
  const Window& w;

  // Adds channel `plane` to rows [row, row + taps) of a panel, for pixels [p0, p0 + cols).
  template <class T>
  void pack(const T* plane, int32_t zero, int64_t row, int64_t p0, int64_t cols, int64_t columns,
            int32_t* panel) const {
    const size_t last = s.in.size() - 1;
    const WindowAxis& x = w.axes[last];
    const int64_t width = s.out[last], taps = w.taps();
    for (int64_t done = 0; done < cols;) {
      // A run of pixels in one row of the output.
      const int64_t p = p0 + done, column = p % width;
      const int64_t length = std::min(cols - done, width - column);
      for (int64_t tap = 0; tap < taps; ++tap) {
        const int64_t base = row_of(p / width, tap / x.kernel);
        if (base < 0) continue;
        const int64_t half = (row + tap) % 2;
        int32_t* to = panel + (row + tap) / 2 * columns + done;
        const int64_t first = column * x.stride - x.pad_begin + tap % x.kernel * x.dilation;
        // Pixels [i0, i1) of the run lie inside the row of x.
        const int64_t i0 = first < 0 ? ceil_div(-first, x.stride) : 0;
        const int64_t i1 = std::min(length, ceil_div(s.in[last] - first, x.stride));
        const T* from = plane + base + first;
        for (int64_t i = i0; i < i1; ++i) {
          to[i] |= half_of_pair(from[i * x.stride] - zero, half);
        }
      }
      done += length;
    }
  }

 private:
  // Where the row of x begins that output row `o` meets at the outer taps `tap`; -1 outside.
  int64_t row_of(int64_t o, int64_t tap) const {
    int64_t at = 0, scale = s.in.back();
    for (size_t a = s.in.size() - 1; a-- > 0;) {
      const WindowAxis& x = w.axes[a];
      const int64_t i = o % s.out[a] * x.stride - x.pad_begin + tap % x.kernel * x.dilation;
      if (i < 0 || i >= s.in[a]) return -1;
      at += i * scale;
      scale *= s.in[a];
      o /= s.out[a];
      tap /= x.kernel;
    }
    return at;
  }
};

template <class T>
class IntegerConv : public StepKernel {
 public:
  IntegerConv(Isa isa, Op op, const Slots& at)
      : kernels_(integer_kernels(isa)), op_(std::move(op)), at_(at) {}

  Status pack(const Tensor& w, const Tensor* w_zero, MemoryBudget* budget) {
    const int64_t filters = w.dim(0), depth = w.count() / std::max<int64_t>(filters, 1);
    packed_bytes_ = static_cast<size_t>(filters * integer_pairs(depth)) * sizeof(int32_t);
    FERRY_ASSIGN_OR_RETURN(packed_, allocate_buffer(std::max<size_t>(packed_bytes_, 1), budget));
    auto* to = static_cast<int32_t*>(packed_.get());
    for (int64_t m = 0; m < filters; ++m, to += integer_pairs(depth)) {
      const int32_t zero = w_zero == nullptr ? 0 : byte_at(*w_zero, w_zero->count() == 1 ? 0 : m);
      pack_integer_rows(w, m * depth, 1, depth, zero, to);
    }
    return {};
  }
  size_t packed_bytes() const final { return packed_bytes_; }

  Status run(StepContext& c) const final {
    const Tensor &x = c.input(at_.x), &w = c.input(at_.w);
    const T& op = *op_.as<T>();
    if (x.rank() < 3 || !plain(c, w.dim(0))) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Window window, window_of(op, x.rank() - 2));
    FERRY_ASSIGN_OR_RETURN(const ConvSizes s, conv_sizes(window, x, w, op.group, false, false));
    FERRY_ASSIGN_OR_RETURN(
        Tensor y, c.output(0, output_type(c), image_dims(s.batch, s.out_total(), s.out, false)));
    if (y.count() == 0) return {};
    const int64_t depth = s.in_channels * window.taps(), pixels = s.out.count();
    if (depth == 0) return op_.def().eval(op_, c);
    const int64_t panel = integer_panel_size(depth, kernels_.columns);
    const int64_t panel_bytes = (panel * int64_t{sizeof(int32_t)} + 63) / 64 * 64;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(
        c.team().size(), panel_bytes + kBlock * kernels_.columns * int64_t{sizeof(int32_t)}));
    const int32_t zero = c.has_input(at_.x_zero) ? byte_at(c.input(at_.x_zero), 0) : 0;
    const int64_t strips = (pixels + kernels_.columns - 1) / kernels_.columns;
    // Units are strips of pixels of a group of an image.
    parallel_range(c.team(), s.batch * s.group * strips, y.count() * depth >= kMinParallelWork,
                   [&](int64_t u0, int64_t u1, int thread) {
                     auto* columns = c.scratch<int32_t>(thread);
                     auto* sums = reinterpret_cast<int32_t*>(c.scratch<char>(thread) + panel_bytes);
                     for (int64_t u = u0; u < u1; ++u) {
                       const int64_t image = u / strips, g = image % s.group;
                       const int64_t p0 = u % strips * kernels_.columns;
                       const int64_t cols = std::min<int64_t>(kernels_.columns, pixels - p0);
                       pack_pixels(x, PixelRows{s, window}, image, zero, p0, cols, columns);
                       for (int64_t m0 = 0; m0 < s.out_channels; m0 += kBlock) {
                         const int64_t m = g * s.out_channels + m0;
                         const int64_t pitch = integer_pairs(depth);
                         multiply(c, static_cast<const int32_t*>(packed_.get()) + m * pitch, pitch,
                                  columns, sums,
                                  Tile{(image * s.out_channels + m0) * pixels + p0, pixels,
                                       std::min(kBlock, s.out_channels - m0), cols, m},
                                  y);
                       }
                     }
                   });
    return {};
  }

 protected:
  // Rows of y, of channels from first_row on.
  struct Tile {
    int64_t at, stride, rows, cols, first_row;
  };
  virtual DType output_type(const StepContext& c) const = 0;
  virtual bool plain(const StepContext& c, int64_t filters) const {
    const auto fits = [&](size_t i) {
      return !c.has_input(i) || c.input(i).count() == 1 || c.input(i).dims() == Dims{filters};
    };
    return (!c.has_input(at_.x_zero) || c.input(at_.x_zero).count() == 1) && fits(at_.w_zero);
  }
  virtual void multiply(const StepContext& c, const int32_t* w, int64_t w_stride,
                        const int32_t* panel, int32_t* sums, const Tile& tile, Tensor& y) const = 0;

  const IntegerKernels& kernels_;

 private:
  static constexpr int64_t kBlock = 48;  // filters whose sums are requantized together

  void pack_pixels(const Tensor& x, const PixelRows& patch, int64_t image, int32_t zero, int64_t p0,
                   int64_t cols, int32_t* to) const {
    const ConvSizes& s = patch.s;
    const int64_t plane = s.in.count(), taps = patch.w.taps();
    std::fill_n(to, integer_panel_size(s.in_channels * taps, kernels_.columns), 0);
    for (int64_t ch = 0; ch < s.in_channels; ++ch) {
      const int64_t at = (image * s.in_channels + ch) * plane;
      if (x.dtype() == DType::kInt8) {
        patch.pack(x.data<int8_t>() + at, zero, ch * taps, p0, cols, kernels_.columns, to);
      } else {
        patch.pack(x.data<uint8_t>() + at, zero, ch * taps, p0, cols, kernels_.columns, to);
      }
    }
  }

  Op op_;
  Slots at_;
  std::shared_ptr<void> packed_;
  size_t packed_bytes_ = 0;
};

class ConvIntegerStep final : public IntegerConv<ConvInteger> {
 public:
  using IntegerConv::IntegerConv;
  std::string name() const override { return "conv_integer"; }

 protected:
  DType output_type(const StepContext&) const override { return DType::kInt32; }
  void multiply(const StepContext&, const int32_t* w, int64_t w_stride, const int32_t* panel,
                int32_t*, const Tile& tile, Tensor& y) const override {
    kernels_.multiply(w, w_stride, panel, w_stride, y.data<int32_t>() + tile.at, tile.stride,
                      tile.rows, tile.cols);
  }
};

class QLinearConvStep final : public IntegerConv<QLinearConv> {
 public:
  using IntegerConv::IntegerConv;
  std::string name() const override { return "qlinear_conv"; }

 protected:
  DType output_type(const StepContext& c) const override { return c.input(7).dtype(); }
  bool plain(const StepContext& c, int64_t filters) const override {
    bool fast = IntegerConv::plain(c, filters);
    for (size_t i : {1, 6, 7}) fast = fast && c.input(i).count() == 1;
    for (size_t i : {1, 4, 6}) fast = fast && c.input(i).dtype() == DType::kFloat32;
    fast = fast && (c.input(4).count() == 1 || c.input(4).dims() == Dims{filters});
    return fast && (!c.has_input(8) || c.input(8).dims() == Dims{filters});
  }
  void multiply(const StepContext& c, const int32_t* w, int64_t w_stride, const int32_t* panel,
                int32_t* sums, const Tile& tile, Tensor& y) const override {
    kernels_.multiply(w, w_stride, panel, w_stride, sums, kernels_.columns, tile.rows, tile.cols);
    const float x_scale = *c.input(1).data<float>(), y_scale = *c.input(6).data<float>();
    const Tensor& w_scale = c.input(4);
    const IntRange range = *int_range(y.dtype());
    const auto zero = static_cast<float>(byte_at(c.input(7), 0));
    for (int64_t r = 0; r < tile.rows; ++r) {
      const int64_t m = tile.first_row + r;
      const float factor = x_scale * w_scale.data<float>()[w_scale.count() == 1 ? 0 : m] / y_scale;
      const int32_t bias = c.has_input(8) ? c.input(8).data<int32_t>()[m] : 0;
      kernels_.requantize(sums + r * kernels_.columns, tile.cols, &factor, 0, &bias, 0, zero,
                          float(range.low), float(range.high),
                          static_cast<uint8_t*>(y.raw()) + tile.at + r * tile.stride);
    }
  }
};

template <class Step, class T>
Result<KernelOffer> make(const KernelRequest& request, const Slots& at) {
  if (request.node.op.as<T>()->channels_last) return KernelOffer(std::string("channels last"));
  if (!is_byte(request.type(at.x).dtype) || !is_byte(request.type(at.w).dtype)) {
    return KernelOffer(std::string("not 8-bit integers"));
  }
  const Tensor* w = request.constant(at.w);
  const bool has_zero = request.has_input(at.w_zero);
  const Tensor* zero = has_zero ? request.constant(at.w_zero) : nullptr;
  const bool known = w != nullptr && w->rank() > 2 && (zero != nullptr || !has_zero);
  if (!known || (zero != nullptr && zero->count() != 1 && !(zero->dims() == Dims{w->dim(0)}))) {
    return KernelOffer(std::string("filters or their zero points are not part of the model"));
  }
  auto step = std::make_unique<Step>(request.isa, request.node.op, at);
  FERRY_RETURN_IF_ERROR(step->pack(*w, zero, request.budget));
  return KernelOffer(std::move(step));
}

}  // namespace

void register_conv_integer_cpu(KernelRegistry& r) {
  r.add("ConvInteger", "conv_integer", [](const KernelRequest& request) {
    return make<ConvIntegerStep, ConvInteger>(request, kInteger);
  });
  r.add("QLinearConv", "qlinear_conv", [](const KernelRequest& request) {
    return make<QLinearConvStep, QLinearConv>(request, kLinear);
  });
}

}  // namespace ferry
