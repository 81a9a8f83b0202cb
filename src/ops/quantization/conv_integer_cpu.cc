// SPDX-License-Identifier: Apache-2.0
// ConvInteger and QLinearConv: an image as words of channels (pairs of 16 bits, or quads of bytes
// where the weights allow them), from which panels of a few pixels are copied that stay in the
// first-level cache while all filters pass; where a group has one pair, rows are multiplied where
// they lie. Depthwise filters slide over planes of bytes.
#include <optional>

#include "base/allocator.h"
#include "kernels/integer/integer.h"
#include "ops/nn/convolve.h"
#include "ops/quantization/conv_integer.h"
#include "ops/quantization/number.h"
#include "ops_cpu/byte_planes.h"
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

class IntegerConv : public StepKernel {
 public:
  IntegerConv(Isa isa, Op op, const Slots& at)
      : kernels_(integer_kernels(isa)), op_(std::move(op)), at_(at) {}

  Status pack(const Tensor& w, const Tensor* w_zero, MemoryBudget* budget) {
    const int64_t filters = w.dim(0), channels = w.dim(1), inner = w.dim(w.rank() - 1);
    const int64_t taps = w.dims().count(2, w.rank());
    const auto weight = [&](int64_t m, int64_t i) {
      const int32_t zero = w_zero == nullptr ? 0 : byte_at(*w_zero, w_zero->count() == 1 ? 0 : m);
      return byte_at(w, m * channels * taps + i) - zero;
    };
    form_ = form_of(w, weight);
    const int64_t words = form_ == Form::kPairs ? (channels + 1) / 2 : (channels + 3) / 4;
    const int64_t depth =
        form_ == Form::kPlanes ? BytePlanes::filter_size(taps / inner, inner) : taps * words;
    packed_bytes_ = static_cast<size_t>(filters * depth) * sizeof(int32_t);
    FERRY_ASSIGN_OR_RETURN(packed_, allocate_buffer(std::max<size_t>(packed_bytes_, 1), budget));
    auto* to = static_cast<int32_t*>(packed_.get());
    std::fill_n(to, filters * depth, 0);
    for (int64_t m = 0; m < filters; ++m, to += depth) {
      uint32_t sum = 0;
      for (int64_t i = 0; i < channels * taps; ++i) sum += static_cast<uint32_t>(weight(m, i));
      weight_sums_.push_back(sum);
      if (form_ == Form::kPlanes) {
        BytePlanes::pack(
            taps / inner, inner, [&](int64_t t) { return weight(m, t); }, to);
        continue;
      }
      for (int64_t i = 0; i < channels * taps; ++i) {
        const int64_t channel = i / taps, tap = i % taps;
        if (form_ == Form::kPairs)
          to[tap * words + channel / 2] |= half_of_pair(weight(m, i), channel % 2);
        else
          to[tap * words + channel / 4] |= byte_of_quad(weight(m, i), channel % 4);
      }
    }
    return {};
  }
  size_t packed_bytes() const final { return packed_bytes_; }

  Status run(StepContext& c) const final {
    const Tensor &x = c.input(at_.x), &w = c.input(at_.w);
    if (x.rank() < 3 || !plain(c, w.dim(0))) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Window window, window_of_rank(x.rank() - 2));
    FERRY_ASSIGN_OR_RETURN(ConvSizes s, conv_sizes(window, x, w, group(), false, false));
    FERRY_ASSIGN_OR_RETURN(
        Tensor y, c.output(0, output_type(c), image_dims(s.batch, s.out_total(), s.out, false)));
    if (y.count() == 0) return {};
    if (s.in_channels * window.taps() == 0) return op_.def().eval(op_, c);
    const int32_t zero = c.has_input(at_.x_zero) ? byte_at(c.input(at_.x_zero), 0) : 0;
    const bool worthwhile = y.count() / s.batch * window.taps() * s.in_channels >= kMinParallelWork;
    if (form_ == Form::kPlanes) return slide(c, s, window, zero, worthwhile, y);
    if (window.taps() == 1 && s.in == s.out) flatten(s, window);
    if (c.state() == nullptr)
      c.state() = std::make_unique<PairImage>(s, window, channels_per_word());
    const auto& image = static_cast<const PairImage&>(*c.state());
    // Padding that is far larger than the image.
    if (image.size() > 8 * x.count() + (1 << 20)) return op_.def().eval(op_, c);
    const Plan plan(s, image, form_ == Form::kPairs, kernels_.columns, c.team().size());
    const int64_t image_size = (image.size() + 15) / 16 * 16;
    const int64_t shifts_at = image_size + c.team().size() * plan.own;
    FERRY_RETURN_IF_ERROR(
        c.reserve_scratch(1, (shifts_at + s.out_total()) * int64_t{sizeof(int32_t)}));
    auto* pixels = c.scratch<int32_t>(0);
    std::fill_n(pixels, image.row_size(), image.padding(x, zero));
    int32_t* shifts = pixels + shifts_at;
    write_shifts(x, zero, shifts);
    for (int64_t n = 0; n < s.batch; ++n) {
      FERRY_RETURN_IF_ERROR(c.poll());
      parallel_range(c.team(), image.rows(), worthwhile, [&](int64_t r0, int64_t r1, int) {
        for (int64_t r = r0; r < r1; ++r) image.fill(kernels_, x, n, zero, r, pixels);
      });
      const Job job{c, s, image, plan, pixels, n, shifts, y};
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
  // Rows of y, of channels from first_row on; shifts[r] is added to the sums of row r.
  struct Tile {
    int64_t at, stride, rows, cols, first_row;
    const int32_t* shifts;
  };
  virtual DType output_type(const StepContext& c) const = 0;
  virtual Result<Window> window_of_rank(size_t spatial_rank) const = 0;
  virtual int64_t group() const = 0;
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
  Op op_;

 private:
  // Units of one image. By panels: `strip` pixels of a group, of which panels of `columns` meet all
  // filters. By taps, where a group has one pair of channels: `strip` rows of the output.
  struct Plan {
    bool by_taps;
    int64_t strip, strips, units;
    int64_t sums_at, own;  // numbers of a thread: a panel or pointers to rows, then sums

    Plan(const ConvSizes& s, const PairImage& image, bool pairs, int64_t columns, int threads) {
      constexpr int64_t kSums = 32 << 10;  // that stay in the second-level cache
      const int64_t depth = image.taps() * image.words(), width = s.out.back();
      by_taps = pairs && image.words() == 1 && image.step() == 1;
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
    int64_t n;              // of the image
    const int32_t* shifts;  // of each filter
    Tensor& y;
  };

  enum class Form : uint8_t { kPairs, kQuads, kPlanes };

  template <class Weight>
  Form form_of(const Tensor& w, const Weight& weight) const {
    const int64_t channels = w.dim(1), taps = w.dims().count(2, w.rank());
    if (channels == 1 && taps > 0 && kernels_.slide != nullptr) {
      Result<Window> window = window_of_rank(w.rank() - 2);
      for (size_t a = 0; window.ok() && a < window->axes.size(); ++a) {
        window->axes[a].kernel = w.dim(2 + a);
      }
      if (window.ok() && BytePlanes::fit(*window)) return Form::kPlanes;
    }
    // Fewer channels leave half of each quad empty.
    if (channels < 3 || kernels_.multiply_quads[1] == nullptr) return Form::kPairs;
    for (int64_t m = 0; m < w.dim(0); ++m) {
      for (int64_t i = 0; i < channels * taps; ++i) {
        const bool has_next = i / taps % 2 == 0 && i / taps + 1 < channels;
        if (!fits_quad(kernels_, weight(m, i), has_next ? weight(m, i + taps) : 0))
          return Form::kPairs;
      }
    }
    return Form::kQuads;
  }
  int64_t channels_per_word() const { return form_ == Form::kPairs ? 2 : 4; }

  // What sums of quads lack: their bytes are not less the zero point.
  void write_shifts(const Tensor& x, int32_t zero, int32_t* shifts) const {
    const uint32_t byte = form_ == Form::kPairs ? 0 : PairImage::unsigned_byte(x, zero);
    std::transform(weight_sums_.begin(), weight_sums_.end(), shifts,
                   [&](uint32_t sum) { return static_cast<int32_t>(0 - byte * sum); });
  }
  static void add_shifts(const Tile& tile, int64_t stride, int32_t* sums) {
    for (int64_t r = 0; r < tile.rows; ++r) {
      for (int64_t i = 0; i < tile.cols; ++i) {
        sums[r * stride + i] = static_cast<int32_t>(static_cast<uint32_t>(sums[r * stride + i]) +
                                                    static_cast<uint32_t>(tile.shifts[r]));
      }
    }
  }

  Status slide(StepContext& c, const ConvSizes& s, const Window& window, int32_t zero,
               bool worthwhile, Tensor& y) const {
    const Tensor& x = c.input(at_.x);
    const BytePlanes planes(s, window);
    if (planes.size() > 8 * x.count() + (1 << 20)) return op_.def().eval(op_, c);
    constexpr int64_t kSums = 8 << 10;  // that stay in the first-level cache
    const int64_t width = s.out.back(), pixels = s.out.count(), in_pixels = s.in.count();
    const int64_t strip = std::clamp<int64_t>(kSums / width, 1, planes.out_rows());
    // Of a thread: pointers to rows, sums, a plane.
    const int64_t sums_at = planes.outer_taps() * int64_t{sizeof(void*)};
    const int64_t plane_at = sums_at + (strip * width + BytePlanes::kVector) * 4;
    const int64_t own = (plane_at + planes.size() + 63) / 64 * 64;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, c.team().size() * own + s.out_total() * 4));
    auto* scratch = c.scratch<uint8_t>(0);
    auto* shifts = reinterpret_cast<int32_t*>(scratch + c.team().size() * own);
    write_shifts(x, zero, shifts);
    const int64_t size = BytePlanes::filter_size(planes.outer_taps(), planes.inner_taps());
    parallel_range(c.team(), s.batch * s.group, worthwhile, [&](int64_t u0, int64_t u1, int t) {
      auto** rows = reinterpret_cast<const uint8_t**>(scratch + t * own);
      auto* sums = reinterpret_cast<int32_t*>(scratch + t * own + sums_at);
      uint8_t* plane = scratch + t * own + plane_at;
      std::fill_n(plane, planes.size(), PairImage::unsigned_byte(x, zero));
      for (int64_t u = u0; u < u1; ++u) {
        planes.fill(static_cast<const uint8_t*>(x.raw()) + u * in_pixels,
                    x.dtype() == DType::kInt8 ? 0x80 : 0, plane);
        for (int64_t k = 0; k < s.out_channels; ++k) {
          const int64_t m = u % s.group * s.out_channels + k;
          for (int64_t r = 0; r < planes.out_rows(); r += strip) {
            const int64_t end = std::min(r + strip, planes.out_rows());
            planes.slide(kernels_, plane, filter(m, size), r, end, rows, sums);
            const Tile tile{(u * s.out_channels + k) * pixels + r * width,
                            pixels,
                            1,
                            (end - r) * width,
                            m,
                            shifts + m};
            if (y.dtype() == DType::kInt32) {
              add_shifts(tile, tile.cols, sums);
              std::copy_n(sums, tile.cols, y.data<int32_t>() + tile.at);
            }
            requantize(c, sums, tile.cols, tile, y);
          }
        }
      }
    });
    return {};
  }

  // A filter of one tap without strides or padding sees an image as one row.
  static void flatten(ConvSizes& s, Window& w) {
    const bool plain = std::all_of(w.axes.begin(), w.axes.end(), [](const WindowAxis& a) {
      return a.stride == 1 && a.pad_begin == 0;
    });
    if (!plain) return;
    s.in = s.out = Dims{s.in.count()};
    w.axes = {w.axes[0]};
  }

  const int32_t* filter(int64_t m, int64_t depth) const {
    return static_cast<const int32_t*>(packed_.get()) + m * depth;
  }

  void multiply_panels(const Job& j, int64_t u, int32_t* own) const {
    const int64_t columns = kernels_.columns, pixels = j.s.out.count();
    const int64_t g = u / j.plan.strips, depth = j.image.taps() * j.image.words();
    const int64_t begin = u % j.plan.strips * j.plan.strip * columns;
    const int64_t cols = std::min(j.plan.strip * columns, pixels - begin);
    const int64_t filters = j.s.out_channels, m = g * filters;
    const Tile tile{
        (j.n * j.s.out_total() + m) * pixels + begin, pixels, filters, cols, m, j.shifts + m};
    const bool direct = j.y.dtype() == DType::kInt32;
    int32_t* sums = direct ? j.y.template data<int32_t>() + tile.at : own + j.plan.sums_at;
    const int64_t stride = direct ? pixels : j.plan.strip * columns;
    for (int64_t done = 0; done < cols; done += columns) {
      const int64_t n = std::min(columns, cols - done);
      j.image.pack(kernels_, j.pixels, g, begin + done, n, own);
      const auto multiply = form_ == Form::kPairs ? kernels_.multiply : kernels_.multiply_quads[1];
      multiply(filter(m, depth), depth, own, depth, sums + done, stride, filters, n);
    }
    if (direct && form_ != Form::kPairs) add_shifts(tile, stride, sums);
    requantize(j.c, sums, stride, tile, j.y);
  }

  void multiply_taps(const Job& j, int64_t u, int32_t* own) const {
    const int64_t width = j.s.out.back(), pixels = j.s.out.count(), taps = j.image.taps();
    const int64_t g = u / j.plan.strips, inner = j.image.inner_taps();
    const int64_t row0 = u % j.plan.strips * j.plan.strip;
    const int64_t rows = std::min(j.plan.strip, pixels / width - row0);
    auto* at = reinterpret_cast<const int32_t**>(own);
    for (int64_t m = g * j.s.out_channels; m < (g + 1) * j.s.out_channels; ++m) {
      const Tile tile{(j.n * j.s.out_total() + m) * pixels + row0 * width,
                      pixels,
                      1,
                      rows * width,
                      m,
                      j.shifts + m};
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

  Slots at_;
  Form form_ = Form::kPairs;
  std::vector<uint32_t> weight_sums_;  // of each filter
  std::shared_ptr<void> packed_;
  size_t packed_bytes_ = 0;
};

class ConvIntegerStep final : public IntegerConv {
 public:
  using IntegerConv::IntegerConv;
  std::string name() const override { return "conv_integer"; }

 protected:
  Result<Window> window_of_rank(size_t spatial_rank) const override {
    return window_of(*op_.as<ConvInteger>(), spatial_rank);
  }
  int64_t group() const override { return op_.as<ConvInteger>()->group; }
  DType output_type(const StepContext&) const override { return DType::kInt32; }
};

class QLinearConvStep final : public IntegerConv {
 public:
  using IntegerConv::IntegerConv;
  std::string name() const override { return "qlinear_conv"; }

 protected:
  Result<Window> window_of_rank(size_t spatial_rank) const override {
    return window_of(*op_.as<QLinearConv>(), spatial_rank);
  }
  int64_t group() const override { return op_.as<QLinearConv>()->group; }
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
      const auto start =
          static_cast<int32_t>(static_cast<uint32_t>(bias) + static_cast<uint32_t>(tile.shifts[r]));
      kernels_.requantize(sums + r * stride, tile.cols, &factor, &start, 0, zero, float(range.low),
                          float(range.high),
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
