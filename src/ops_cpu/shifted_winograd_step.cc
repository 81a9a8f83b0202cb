// SPDX-License-Identifier: Apache-2.0
// A kernel of kh x kw taps is a grid of 3x3 kernels, three pixels apart. The image beside itself,
// shifted by multiples of three pixels, has one channel per member of the grid, and one 3x3
// convolution over all of them is the large one. The shifted copies are made strip by strip and
// never leave the cache.
#include <algorithm>
#include <cstring>

#include "base/cpu.h"
#include "base/status.h"
#include "kernels/move/move.h"
#include "kernels/winograd/winograd.h"
#include "ops_cpu/anchor_step.h"
#include "ops_cpu/matrix_product.h"
#include "ops_cpu/thin_conv_step.h"
#include "plan/layout.h"

namespace ferry {
namespace {

constexpr int64_t kTile = 6;
// A strip of shifted copies: with what the transforms need it fits the second-level cache.
int64_t strip_bytes() {
  return std::min<int64_t>(768 << 10, static_cast<int64_t>(cpu_info().l2_bytes) * 3 / 4);
}

// The weights [O, I, kh, kw] as [O, channels, 3, 3], one channel per member of the grid and input.
std::vector<float> grid_of(const Tensor& w, int64_t grid_channels, int64_t grid_w) {
  const int64_t outputs = w.dim(0), channels = w.dim(1), kh = w.dim(2), kw = w.dim(3);
  std::vector<float> grid(static_cast<size_t>(outputs * grid_channels * 9));
  for (int64_t o = 0; o < outputs * channels; ++o) {
    for (int64_t y = 0; y < kh; ++y) {
      for (int64_t x = 0; x < kw; ++x) {
        const int64_t member = (y / 3 * grid_w + x / 3) * channels + o % channels;
        const int64_t filter = o / channels * grid_channels + member;
        grid[static_cast<size_t>(filter * 9 + y % 3 * 3 + x % 3)] =
            w.data<float>()[(o * kh + y) * kw + x];
      }
    }
  }
  return grid;
}

class ShiftedWinogradStep final : public AnchorStep {
 public:
  ShiftedWinogradStep(Isa isa, const ConvPlan& plan, const std::vector<float>& bias,
                      const FusedAnchor& anchor)
      : AnchorStep(isa, bias, anchor, false),
        isa_(isa),
        gemm_(gemm_kernels(isa)),
        winograd_(winograd_kernels(isa)),
        plan_(plan),
        grid_h_((plan.shape.kernel[1] + 2) / 3),
        grid_w_((plan.shape.kernel[2] + 2) / 3) {
    shifted_ = plan.shape;
    shifted_.in_channels = grid_h_ * grid_w_ * plan.shape.in_channels;
    shifted_.kernel[1] = shifted_.kernel[2] = 3;
    shifted_.pad[1] = shifted_.pad[2] = 0;
  }

  Status pack(const KernelRequest& request) {
    return pack_weights(
        request, weights_label(name(), plan_.shape), winograd_packed_size(gemm_, shifted_, kTile),
        [isa = request.isa, shifted = shifted_, grid_w = grid_w_](const Tensor& w, float* to) {
          const std::vector<float> grid = grid_of(w, shifted.in_channels, grid_w);
          winograd_pack_weights(isa, shifted, kTile, grid.data(), 0, w.dim(0), to);
        });
  }

  // The 1x1 convolution that follows.
  Status pack_second(const KernelRequest& request) {
    const std::vector<int>& inputs = anchor_.then->inputs;
    const Tensor& w = *request.constant(static_cast<size_t>(inputs[1]));
    FERRY_ASSIGN_OR_RETURN(
        second_,
        pack_matrix(request, static_cast<size_t>(inputs[1]), gemm_,
                    {.k = w.dim(1), .n = w.dim(0), .row_stride = 1, .col_stride = w.dim(1)}));
    packed_bytes_ += second_.bytes();
    second_bias_ = constant_bias(request, inputs).value();
    return {};
  }

  std::string name() const override { return "shifted_winograd_f32"; }
  std::string tactic() const override {
    return fmt::format("{}x{} kernel as {} channels, F({}x{}, 3x3)", plan_.shape.kernel[1],
                       plan_.shape.kernel[2], shifted_.in_channels, kTile, kTile) +
           (anchor_.then ? fmt::format(", then 1x1 to {} channels", second_.n) : "");
  }

  Status run(StepContext& c) const override {
    static const GemmBlocking blocking = gemm_blocking();
    const Tensor& x = first_input(c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    FERRY_ASSIGN_OR_RETURN(const ConvShape s, resolve_conv(plan_, x));
    if (y.count() == 0) return {};
    const ConvArgs args = conv_args(c, x, y);
    Run r{*this, c, s, blocking, x.data<float>(), args};
    const int64_t between = anchor_.then ? s.out[2] * s.out_channels : 0;
    const int64_t row_bytes =
        ((s.out[2] + 2) * shifted_.in_channels + between) * int64_t{sizeof(float)};
    r.strip = std::clamp<int64_t>(strip_bytes() / row_bytes / kTile, 1, 8) * kTile;
    const ConvShape strip = r.strip_shape(r.strip);
    const int64_t image = (strip.in[1] * strip.in[2] * strip.in_channels + 15) / 16 * 16;
    const int64_t planes = (strip.in[2] * strip.in_channels + 15) / 16 * 16;
    const WinogradPlan w = winograd_plan(gemm_, blocking, strip, kTile);
    r.image_at = 0;
    r.planes_at = image * int64_t{sizeof(float)};
    r.between_at = r.planes_at + planes * int64_t{sizeof(float)};
    r.winograd_at = r.between_at + (r.strip * between + 15) / 16 * 16 * int64_t{sizeof(float)};
    r.own_bytes = r.winograd_at + winograd_scratch_bytes(w, strip);
    FERRY_RETURN_IF_ERROR(reserve(c, r.own_bytes));
    const int64_t strips = (s.out[1] + r.strip - 1) / r.strip;
    c.team().parallel(static_cast<int>(s.batch * strips), [&](int part, int thread) {
      r.run_strip(part / strips, part % strips * r.strip, thread);
    });
    return {};
  }

 private:
  struct Run {
    const ShiftedWinogradStep& step;
    StepContext& c;
    const ConvShape& s;
    const GemmBlocking& blocking;
    const float* x;
    const ConvArgs& args;  // of the whole convolution; x is in planes
    int64_t strip = 0;     // output rows
    int64_t image_at = 0, planes_at = 0, between_at = 0;  // bytes into scratch
    int64_t winograd_at = 0, own_bytes = 0;

    ConvShape strip_shape(int64_t rows) const {
      ConvShape t = step.shifted_;
      t.batch = 1;
      t.in[0] = t.out[0] = 1;
      t.in[1] = rows + 2;
      t.in[2] = s.out[2] + 2;
      t.out[1] = rows;
      t.out[2] = s.out[2];
      return t;
    }

    // All shifted copies of one row of pixels, in planes; then as pixels.
    void fill_row(int64_t n, int64_t row, float* planes, float* pixels) const {
      const int64_t width = s.out[2] + 2, channels = s.in_channels;
      float* to = planes;
      for (int64_t gy = 0; gy < step.grid_h_; ++gy) {
        const int64_t h = row + 3 * gy - s.pad[1];
        for (int64_t gx = 0; gx < step.grid_w_; ++gx) {
          for (int64_t ch = 0; ch < channels; ++ch, to += width) {
            copy_row(n, ch, h, 3 * gx - s.pad[2], width, to);
          }
        }
      }
      const int64_t all = step.shifted_.in_channels;
      Move m(sizeof(float));
      m.add(width, 1, all);
      m.add(all, width, 1);
      m.plan();
      run_move(step.isa_, m, planes, pixels, 0, m.units());
    }

    // Pixels [first, first + width) of a row of a plane, zeros outside.
    void copy_row(int64_t n, int64_t ch, int64_t h, int64_t first, int64_t width, float* to) const {
      const int64_t begin = std::clamp<int64_t>(-first, 0, width);
      const int64_t end = std::clamp<int64_t>(s.in[2] - first, begin, width);
      if (h < 0 || h >= s.in[1] || begin == end) {
        std::fill_n(to, width, 0.0f);
        return;
      }
      const float* from = x + ((n * s.in_channels + ch) * s.in[1] + h) * s.in[2] + first;
      std::fill(to, to + begin, 0.0f);
      std::memcpy(to + begin, from + begin, static_cast<size_t>(end - begin) * sizeof(float));
      std::fill(to + end, to + width, 0.0f);
    }

    void run_second(const float* pixels, int64_t count, float* to) const {
      GemmArgs product;
      product.m = count;
      product.k = product.lda = step.second_.k;
      product.n = product.ldc = step.second_.n;
      product.a = pixels;
      product.packed_b = step.second_.data();
      product.c = to;
      product.bias = step.second_bias_.empty() ? nullptr : step.second_bias_.data();
      product.lo = step.anchor_.then->lo;
      product.hi = step.anchor_.then->hi;
      gemm_tile(step.gemm_, blocking, product, 0, product.m, 0, product.n);
    }

    void run_strip(int64_t n, int64_t first, int thread) const {
      auto* scratch = c.scratch<char>(thread);
      const int64_t rows = std::min(strip, s.out[1] - first);
      const ConvShape t = strip_shape(rows);
      auto* image = reinterpret_cast<float*>(scratch + image_at);
      auto* planes = reinterpret_cast<float*>(scratch + planes_at);
      for (int64_t r = 0; r < t.in[1]; ++r) {
        fill_row(n, first + r, planes, image + r * t.in[2] * t.in_channels);
      }
      const FusedAnchor& anchor = step.anchor_;
      const int64_t pixel = (n * s.out[1] + first) * s.out[2];
      ConvArgs a = args;
      a.x = image;
      a.x_pitch = t.in_channels;
      auto* between = reinterpret_cast<float*>(scratch + between_at);
      a.y = anchor.then ? between : args.y + pixel * s.out_channels;
      a.y_pitch = s.out_channels;
      if (a.residual != nullptr) a.residual += pixel * s.out_channels;
      const WinogradPlan w = winograd_plan(step.gemm_, blocking, t, kTile);
      winograd_tiles(step.winograd_, step.gemm_, blocking, w, t, a, 0, w.tiles,
                     scratch + winograd_at);
      if (anchor.then) run_second(between, rows * s.out[2], args.y + pixel * step.second_.n);
      step.finish(c, {args.y, s.out_channels, s.out_channels}, pixel, pixel + rows * s.out[2],
                  thread, own_bytes);
    }
  };

  Isa isa_;
  const GemmKernels& gemm_;
  const WinogradKernels& winograd_;
  ConvPlan plan_;
  int64_t grid_h_, grid_w_;
  ConvShape shifted_;
  PackedMatrix second_;
  std::vector<float> second_bias_;
};

}  // namespace

Result<std::unique_ptr<StepKernel>> make_shifted_winograd_step(const KernelRequest& request,
                                                               const ConvPlan& plan,
                                                               const Tensor& w,
                                                               const std::vector<float>& bias,
                                                               const FusedAnchor& anchor) {
  // With the convolution that follows, its larger weights save the values between the two.
  const bool saves_memory = anchor.then.has_value();
  if (request.exact || (request.prefer_memory && !saves_memory) ||
      !is_shifted_convolution(plan.op, w.dims())) {
    return std::unique_ptr<StepKernel>();
  }
  auto step = std::make_unique<ShiftedWinogradStep>(request.isa, plan, bias, anchor);
  FERRY_RETURN_IF_ERROR(step->pack(request));
  if (anchor.then) FERRY_RETURN_IF_ERROR(step->pack_second(request));
  return std::unique_ptr<StepKernel>(std::move(step));
}

}  // namespace ferry
