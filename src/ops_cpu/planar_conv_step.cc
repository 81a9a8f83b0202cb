// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/planar_conv_step.h"

#include <algorithm>
#include <cstring>

#include "base/status.h"
#include "kernels/conv/plane_depthwise.h"
#include "ops_cpu/anchor_step.h"

namespace ferry {
namespace {

// What both have in common: tails run along the rows of planes.
class PlanarStep : public AnchorStep {
 public:
  Status run(StepContext& c) const final {
    const Tensor& x = first_input(c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    FERRY_ASSIGN_OR_RETURN(const ConvShape s, resolve_conv(plan_, x));
    if (y.count() == 0) return {};
    return convolve(c, s, x.data<float>(), y.data<float>());
  }

 protected:
  PlanarStep(Isa isa, ConvPlan plan, std::vector<float> bias, FusedAnchor anchor)
      : AnchorStep(isa, std::move(bias), std::move(anchor), false), plan_(std::move(plan)) {
    keep_residual();
  }

  virtual Status convolve(StepContext& c, const ConvShape& s, const float* x, float* y) const = 0;

  int64_t work_of(const ConvShape& s) const {
    return s.rows() * s.out[2] * s.out_channels * s.group_in() * s.taps();
  }

  ConvPlan plan_;
};

class PlaneDepthwiseStep final : public PlanarStep {
 public:
  PlaneDepthwiseStep(Isa isa, ConvPlan plan, std::vector<float> bias, FusedAnchor anchor)
      : PlanarStep(isa, std::move(plan), std::move(bias), std::move(anchor)),
        kernels_(plane_depthwise_kernels(isa)) {}

  Status pack(const KernelRequest& request) {
    const int64_t floats = plan_.shape.out_channels * plan_.shape.taps();
    return pack_weights(
        request, weights_label(name(), plan_.shape), floats,
        [floats](const Tensor& w, float* to) { std::copy_n(w.data<float>(), floats, to); });
  }

  std::string name() const override { return "depthwise_planes_f32"; }

 private:
  Status convolve(StepContext& c, const ConvShape& s, const float* x, float* y) const override {
    PlaneConvArgs args;
    args.x = x;
    args.y = y;
    args.weights = weights();
    args.bias = bias_.empty() ? nullptr : bias_.data();
    args.residual = residual(c);
    args.lo = anchor_.lo;
    args.hi = anchor_.hi;
    const TailMatrix matrix{args.y, s.out[2], s.out[2]};
    const int64_t own = plane_depthwise_scratch_bytes(s);
    FERRY_RETURN_IF_ERROR(reserve(c, own));
    Team& team = c.team();
    const int64_t rows = s.rows() * s.out_channels;
    int64_t parts = 1;
    if (team.size() > 1 && work_of(s) >= kMinParallelWork) {
      parts = std::min<int64_t>(rows, 4 * team.size());
    }
    const int64_t row_bytes = s.out[2] * int64_t{sizeof(float)};
    const int64_t strip =
        anchor_.has_tail() ? std::max<int64_t>(kTailStripBytes / row_bytes, 1) : rows;
    team.parallel(static_cast<int>(parts), [&](int part, int thread) {
      const auto run_strips = [&](int64_t first, int64_t end) {
        for (int64_t from = first; from < end; from += strip) {
          const int64_t to = std::min(end, from + strip);
          plane_depthwise_rows(kernels_, s, args, from, to, c.scratch<void>(thread));
          finish(c, matrix, from, to, thread, own);
        }
      };
      team.in_slices(rows * part / parts, rows * (part + 1) / parts, 1, run_strips);
    });
    return {};
  }

  const PlaneDepthwiseKernels& kernels_;
};

// y = W x for every image and group, W with a row per output channel and x with one per input
// channel: x is packed, a strip of pixels at a time. The bias is a column of W before the others,
// against a row of ones before those of x.
class PlaneProductStep final : public PlanarStep {
 public:
  PlaneProductStep(Isa isa, ConvPlan plan, std::vector<float> bias, FusedAnchor anchor)
      : PlanarStep(isa, std::move(plan), std::move(bias), std::move(anchor)),
        kernels_(gemm_kernels(isa)),
        biased_(bias_.empty() ? 0 : 1),
        depth_(plan_.shape.group_in() + biased_) {}

  Status pack(const KernelRequest& request) {
    const auto fill = [shape = plan_.shape, bias = bias_](const Tensor& w, float* to) {
      const int64_t depth = shape.group_in();
      const float* from = w.data<float>();
      for (int64_t o = 0; o < shape.out_channels; ++o, from += depth, to += depth) {
        if (!bias.empty()) *to++ = bias[static_cast<size_t>(o)];
        std::copy_n(from, depth, to);
      }
    };
    return pack_weights(
        request, name(), plan_.shape.out_channels * depth_, fill,
        bias_.empty() ? PanelStore::Contents::kOfLabel : PanelStore::Contents::kOwn);
  }

  std::string name() const override { return "gemm_planes_f32"; }

 private:
  Status convolve(StepContext& c, const ConvShape& s, const float* x, float* y) const override {
    const int64_t pixels = s.out[0] * s.out[1] * s.out[2], images = s.batch * s.groups;
    Team& team = c.team();
    const bool parallel = team.size() > 1 && work_of(s) >= kMinParallelWork;
    const int64_t strip = strip_of(pixels, images, parallel ? team.size() : 1);
    const int64_t strips = (pixels + strip - 1) / strip;
    const int64_t own =
        (strip + gemm_packed_size(kernels_, depth_, strip)) * int64_t{sizeof(float)};
    FERRY_RETURN_IF_ERROR(reserve(c, own));
    const int64_t units = images * strips,
                  parts = parallel ? std::min<int64_t>(units, 4 * team.size()) : 1;
    GemmArgs args;
    args.m = s.group_out(), args.k = depth_, args.lda = depth_;
    args.ldc = args.ldr = pixels;
    args.lo = anchor_.lo, args.hi = anchor_.hi;
    args.chain = chain();
    const float* extra = residual(c);
    team.parallel(static_cast<int>(parts), [&](int part, int thread) {
      auto* ones = c.scratch<float>(thread);
      std::fill_n(ones, strip, 1.0f);
      team.in_slices(
          units * part / parts, units * (part + 1) / parts, 1, [&](int64_t u0, int64_t u1) {
            GemmArgs g = args;
            for (int64_t u = u0; u < u1; ++u) {
              const int64_t image = u / strips, first = u % strips * strip;
              g.n = std::min(strip, pixels - first);
              pack(x + image * s.group_in() * pixels + first, pixels, g.n, ones, ones + strip);
              g.packed_b = ones + strip;
              g.a = weights() + image % s.groups * args.m * depth_;
              const int64_t at = image * args.m * pixels + first;
              g.c = y + at;
              g.residual = extra == nullptr ? nullptr : extra + at;
              multiply(team, g);
              if (tail_is_pointwise()) {
                finish(c, {y, pixels, pixels}, image * args.m, (image + 1) * args.m, first,
                       first + g.n, thread, own);
              }
            }
          });
    });
    if (anchor_.has_tail() && !tail_is_pointwise())
      finish_rows(c, {y, s.out[2], s.out[2]}, s.rows() * s.out_channels, own);
    return {};
  }

  static const GemmBlocking& blocking() {
    static const GemmBlocking of_this_machine = gemm_blocking();
    return of_this_machine;
  }

  // Pixels of a strip: its packed part of x takes a quarter of the second-level cache, and there is
  // something to do for everybody.
  int64_t strip_of(int64_t pixels, int64_t images, int64_t threads) const {
    const int64_t nr = kernels_.nr, most = (pixels + nr - 1) / nr;
    const int64_t fits = blocking().rows_bytes / 2 / (depth_ * int64_t{sizeof(float)}) / nr;
    const int64_t share = (images * most + 4 * threads - 1) / (4 * threads);
    const int64_t wanted = threads == 1 ? fits : std::min(fits, share);
    return std::clamp<int64_t>(wanted, 1, most) * nr;
  }

  void pack(const float* x, int64_t pixels, int64_t n, const float* ones, float* to) const {
    if (biased_ == 1) kernels_.pack_b(ones, 0, 1, 1, n, 0, n, 0, depth_, to);
    kernels_.pack_b(x, pixels, 1, depth_ - biased_, n, 0, n, biased_, depth_, to);
  }

  void multiply(const Team& team, const GemmArgs& g) const {
    team.in_slices(0, g.m, kernels_.mr, [&](int64_t from, int64_t to) {
      gemm_tile(kernels_, blocking(), g, from, to, 0, g.n);
    });
  }

  // The tail reads no operand that lies in rows of pixels.
  bool tail_is_pointwise() const { return anchor_.has_tail() && anchor_.tail_inputs.empty(); }

  void finish_rows(StepContext& c, const TailMatrix& matrix, int64_t rows, int64_t own) const {
    Team& team = c.team();
    const int64_t parts = std::min<int64_t>(rows, 4 * team.size());
    team.parallel(static_cast<int>(parts), [&](int part, int thread) {
      finish(c, matrix, rows * part / parts, rows * (part + 1) / parts, thread, own);
    });
  }

  const GemmKernels& kernels_;
  int64_t biased_, depth_;
};

}  // namespace

Result<KernelOffer> make_planar_conv_step(const KernelRequest& request, ConvPlan plan,
                                          std::vector<float> bias, const FusedAnchor& anchor) {
  const auto packed = [&](auto step) -> Result<KernelOffer> {
    FERRY_RETURN_IF_ERROR(step->pack(request));
    return KernelOffer(std::move(step));
  };
  if (plan.shape.group_in() > 1) {
    return packed(
        std::make_unique<PlaneProductStep>(request.isa, std::move(plan), std::move(bias), anchor));
  }
  return packed(
      std::make_unique<PlaneDepthwiseStep>(request.isa, std::move(plan), std::move(bias), anchor));
}

}  // namespace ferry
