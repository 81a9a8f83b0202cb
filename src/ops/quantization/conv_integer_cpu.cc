// SPDX-License-Identifier: Apache-2.0
// ConvInteger and QLinearConv: an image as 16-bit pairs of channels, from which panels of a few
// pixels are copied that stay in the first-level cache while all filters pass; where a group has
// one pair, rows are multiplied where they lie.
#include <optional>

#include "base/allocator.h"
#include "kernels/integer/integer.h"
#include "ops/nn/convolve.h"
#include "ops/quantization/conv_integer.h"
#include "ops/quantization/number.h"
#include "ops_cpu/pair_image.h"
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

template <class T>
class IntegerConv : public StepKernel {
 public:
  IntegerConv(Isa isa, Op op, const Slots& at)
      : kernels_(integer_kernels(isa)), op_(std::move(op)), at_(at) {}

  Status pack(const Tensor& w, const Tensor* w_zero, MemoryBudget* budget) {
    const int64_t filters = w.dim(0), channels = w.dim(1), pairs = (channels + 1) / 2;
    const int64_t taps = w.dims().count(2, w.rank()), depth = taps * pairs;
    packed_bytes_ = static_cast<size_t>(filters * depth) * sizeof(int32_t);
    FERRY_ASSIGN_OR_RETURN(packed_, allocate_buffer(std::max<size_t>(packed_bytes_, 1), budget));
    auto* to = static_cast<int32_t*>(packed_.get());
    for (int64_t m = 0; m < filters; ++m, to += depth) {
      const int32_t zero = w_zero == nullptr ? 0 : byte_at(*w_zero, w_zero->count() == 1 ? 0 : m);
      std::fill_n(to, depth, 0);
      for (int64_t i = 0; i < channels * taps; ++i) {
        const int64_t channel = i / taps;
        to[i % taps * pairs + channel / 2] |=
            half_of_pair(byte_at(w, m * channels * taps + i) - zero, channel % 2);
      }
    }
    return {};
  }
  size_t packed_bytes() const final { return packed_bytes_; }

  Status run(StepContext& c) const final {
    const Tensor &x = c.input(at_.x), &w = c.input(at_.w);
    const T& op = *op_.as<T>();
    if (x.rank() < 3 || !plain(c, w.dim(0))) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Window window, window_of(op, x.rank() - 2));
    FERRY_ASSIGN_OR_RETURN(ConvSizes s, conv_sizes(window, x, w, op.group, false, false));
    FERRY_ASSIGN_OR_RETURN(
        Tensor y, c.output(0, output_type(c), image_dims(s.batch, s.out_total(), s.out, false)));
    if (y.count() == 0) return {};
    if (s.in_channels * window.taps() == 0) return op_.def().eval(op_, c);
    if (window.taps() == 1 && s.in == s.out) flatten(s, window);
    if (c.state() == nullptr) c.state() = std::make_unique<PairImage>(s, window);
    const auto& image = static_cast<const PairImage&>(*c.state());
    // Padding that is far larger than the image.
    if (image.size() > 8 * x.count() + (1 << 20)) return op_.def().eval(op_, c);
    const Plan plan(s, image, kernels_.columns, c.team().size());
    const int64_t image_size = (image.size() + 15) / 16 * 16;
    FERRY_RETURN_IF_ERROR(
        c.reserve_scratch(1, (image_size + c.team().size() * plan.own) * int64_t{sizeof(int32_t)}));
    auto* pixels = c.scratch<int32_t>(0);
    const int32_t zero = c.has_input(at_.x_zero) ? byte_at(c.input(at_.x_zero), 0) : 0;
    std::fill_n(pixels, image.row_size(), 0);
    const bool worthwhile = y.count() / s.batch * image.taps() * s.in_channels >= kMinParallelWork;
    for (int64_t n = 0; n < s.batch; ++n) {
      FERRY_RETURN_IF_ERROR(c.poll());
      parallel_range(c.team(), image.rows(), worthwhile, [&](int64_t r0, int64_t r1, int) {
        for (int64_t r = r0; r < r1; ++r) fill_row(image, x, n, zero, r, pixels);
      });
      const Job job{c, s, image, plan, pixels, n, y};
      parallel_range(c.team(), plan.units, worthwhile, [&](int64_t u0, int64_t u1, int thread) {
        auto* own = pixels + image_size + thread * plan.own;
        for (int64_t u = u0; u < u1; ++u) {
          if (plan.by_taps)
            multiply_taps(job, u, own);
          else
            multiply_panels(job, u, own);
        }
      });
    }
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
  // Sums of a tile, `stride` apart, to y; not of i32.
  virtual void requantize(const StepContext&, const int32_t*, int64_t, const Tile&, Tensor&) const {
  }

  const IntegerKernels& kernels_;

 private:
  // Units of one image. By panels: `strip` pixels of a group, of which panels of `columns` meet all
  // filters. By taps, where a group has one pair of channels: `strip` rows of the output.
  struct Plan {
    bool by_taps;
    int64_t strip, strips, units;
    int64_t sums_at, own;  // numbers of a thread: a panel or pointers to rows, then sums

    Plan(const ConvSizes& s, const PairImage& image, int64_t columns, int threads) {
      constexpr int64_t kSums = 32 << 10;  // that stay in the second-level cache
      const int64_t depth = image.taps() * image.pairs(), width = s.out.back();
      by_taps = image.pairs() == 1 && image.step() == 1;
      const int64_t most =
          by_taps ? s.out.count() / width : (s.out.count() + columns - 1) / columns;
      const int64_t fits = kSums / 8 / (by_taps ? width : columns * ((s.out_channels + 7) / 8));
      const int64_t fair = most * s.group / (4 * threads);
      strip = std::clamp<int64_t>(std::min(fits, fair), 1, most);
      strips = (most + strip - 1) / strip;
      units = strips * s.group;
      sums_at = (by_taps ? 2 * depth : depth * columns) / 16 * 16 + 16;
      own = sums_at + strip * (by_taps ? width : columns * s.out_channels) / 16 * 16 + 16;
    }
  };
  struct Job {
    const StepContext& c;
    const ConvSizes& s;
    const PairImage& image;
    const Plan& plan;
    const int32_t* pixels;
    int64_t n;  // of the image
    Tensor& y;
  };

  // A filter of one tap without strides or padding sees an image as one row.
  static void flatten(ConvSizes& s, Window& w) {
    const bool plain = std::all_of(w.axes.begin(), w.axes.end(), [](const WindowAxis& a) {
      return a.stride == 1 && a.pad_begin == 0;
    });
    if (!plain) return;
    s.in = s.out = Dims{s.in.count()};
    w.axes = {w.axes[0]};
  }

  void fill_row(const PairImage& image, const Tensor& x, int64_t n, int32_t zero, int64_t r,
                int32_t* to) const {
    const int64_t at = n * (x.count() / x.dim(0));
    if (x.dtype() == DType::kInt8)
      image.fill(kernels_, x.data<int8_t>() + at, zero, r, to);
    else
      image.fill(kernels_, x.data<uint8_t>() + at, zero, r, to);
  }

  const int32_t* filter(int64_t m, int64_t depth) const {
    return static_cast<const int32_t*>(packed_.get()) + m * depth;
  }

  void multiply_panels(const Job& j, int64_t u, int32_t* own) const {
    const int64_t columns = kernels_.columns, pixels = j.s.out.count();
    const int64_t g = u / j.plan.strips, depth = j.image.taps() * j.image.pairs();
    const int64_t begin = u % j.plan.strips * j.plan.strip * columns;
    const int64_t cols = std::min(j.plan.strip * columns, pixels - begin);
    const int64_t filters = j.s.out_channels, m = g * filters;
    const Tile tile{(j.n * j.s.out_total() + m) * pixels + begin, pixels, filters, cols, m};
    const bool direct = j.y.dtype() == DType::kInt32;
    int32_t* sums = direct ? j.y.template data<int32_t>() + tile.at : own + j.plan.sums_at;
    const int64_t stride = direct ? pixels : j.plan.strip * columns;
    for (int64_t done = 0; done < cols; done += columns) {
      const int64_t n = std::min(columns, cols - done);
      j.image.pack(kernels_, j.pixels, g, begin + done, n, own);
      kernels_.multiply(filter(m, depth), depth, own, depth, sums + done, stride, filters, n);
    }
    requantize(j.c, sums, stride, tile, j.y);
  }

  void multiply_taps(const Job& j, int64_t u, int32_t* own) const {
    const int64_t width = j.s.out.back(), pixels = j.s.out.count(), taps = j.image.taps();
    const int64_t g = u / j.plan.strips, inner = j.image.inner_taps();
    const int64_t row0 = u % j.plan.strips * j.plan.strip;
    const int64_t rows = std::min(j.plan.strip, pixels / width - row0);
    auto* at = reinterpret_cast<const int32_t**>(own);
    for (int64_t m = g * j.s.out_channels; m < (g + 1) * j.s.out_channels; ++m) {
      const Tile tile{(j.n * j.s.out_total() + m) * pixels + row0 * width, pixels, 1, rows * width,
                      m};
      const bool direct = j.y.dtype() == DType::kInt32;
      int32_t* sums = direct ? j.y.template data<int32_t>() + tile.at : own + j.plan.sums_at;
      for (int64_t r = 0; r < rows; ++r) {
        const int32_t* row = nullptr;
        for (int64_t t = 0; t < taps; ++t) {
          if (t % inner == 0) row = j.image.row_of(j.pixels, g, row0 + r, t / inner);
          at[t] = row + j.image.tap_at(t % inner);
        }
        kernels_.multiply_taps(filter(m, taps), at, taps, sums + r * width, width);
      }
      requantize(j.c, sums, rows * width, tile, j.y);
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
  void requantize(const StepContext& c, const int32_t* sums, int64_t stride, const Tile& tile,
                  Tensor& y) const override {
    const float x_scale = *c.input(1).data<float>(), y_scale = *c.input(6).data<float>();
    const Tensor& w_scale = c.input(4);
    const IntRange range = *int_range(y.dtype());
    const auto zero = static_cast<float>(byte_at(c.input(7), 0));
    for (int64_t r = 0; r < tile.rows; ++r) {
      const int64_t m = tile.first_row + r;
      const float factor = x_scale * w_scale.data<float>()[w_scale.count() == 1 ? 0 : m] / y_scale;
      const int32_t bias = c.has_input(8) ? c.input(8).data<int32_t>()[m] : 0;
      kernels_.requantize(sums + r * stride, tile.cols, &factor, 0, &bias, 0, zero,
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
