// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/winograd_step.h"

#include <algorithm>
#include <array>

#include "base/status.h"
#include "kernels/winograd/winograd.h"
#include "ops_cpu/matrix_product.h"

namespace ferry {
namespace {

class WinogradStep final : public StepKernel {
 public:
  WinogradStep(Isa isa, ConvPlan plan, int64_t m, std::vector<float> bias, FusedAnchor anchor)
      : gemm_(gemm_kernels(isa)),
        winograd_(winograd_kernels(isa)),
        elt_kernels_(elt_kernels(isa)),
        plan_(std::move(plan)),
        m_(m),
        bias_(std::move(bias)),
        anchor_(std::move(anchor)) {}

  Status pack(const Tensor& w, MemoryBudget* budget) {
    packed_bytes_ =
        static_cast<size_t>(winograd_packed_size(gemm_, plan_.shape, m_)) * sizeof(float);
    FERRY_ASSIGN_OR_RETURN(weights_, allocate_buffer(packed_bytes_, budget));
    winograd_pack_weights(gemm_, plan_.shape, m_, w.data<float>(), 0, plan_.shape.out_channels,
                          static_cast<float*>(weights_.get()));
    return {};
  }

  std::string name() const override { return "winograd_f32"; }
  std::string tactic() const override { return fmt::format("F({0}x{0}, 3x3)", m_); }
  bool wants_bodies() const override { return false; }
  bool reads_input(size_t i) const override { return anchor_.reads(static_cast<int>(i)); }
  size_t packed_bytes() const override { return packed_bytes_; }
  int in_place_input() const override { return anchor_.in_place_input(); }

  Status run(StepContext& c) const override {
    static const GemmBlocking blocking = gemm_blocking();
    const Tensor& x = c.input(static_cast<size_t>(anchor_.inputs[0]));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    FERRY_ASSIGN_OR_RETURN(const ConvShape s, resolve_conv(plan_, x));
    if (y.count() == 0) return {};
    ConvArgs args;
    args.x = x.data<float>();
    args.x_pitch = s.in_channels;
    args.y = y.data<float>();
    args.y_pitch = s.out_channels;
    args.weights = static_cast<const float*>(weights_.get());
    args.bias = bias_.empty() ? nullptr : bias_.data();
    if (anchor_.residual >= 0) {
      const auto* r = c.input(static_cast<size_t>(anchor_.residual)).data<float>();
      args.accumulate = r == args.y;
      if (!args.accumulate) args.residual = r;
      args.residual_pitch = s.out_channels;
    }
    args.lo = anchor_.lo;
    args.hi = anchor_.hi;
    return run_tiles(c, winograd_plan(gemm_, blocking, s, m_), s, args, blocking);
  }

 private:
  Status run_tiles(StepContext& c, const WinogradPlan& w, const ConvShape& s, const ConvArgs& args,
                   const GemmBlocking& blocking) const {
    Team& team = c.team();
    const int64_t tail_at = (winograd_scratch_bytes(w, s) + 63) / 64 * 64;
    const auto bytes = static_cast<size_t>(tail_at + eltwise_scratch_bytes(anchor_.tail));
    std::array<char*, kMaxThreads> scratch{};
    for (int t = 0; t < team.size(); ++t) {
      FERRY_ASSIGN_OR_RETURN(void* memory, c.scratch(t, bytes));
      scratch[static_cast<size_t>(t)] = static_cast<char*>(memory);
    }
    if (!anchor_.has_tail()) {
      const int64_t blocks = (w.tiles + w.block_tiles - 1) / w.block_tiles;
      const int64_t parts =
          team.size() == 1
              ? 1
              : std::min(w.tiles, std::max<int64_t>(team.size(),
                                                    std::min<int64_t>(blocks, 4 * team.size())));
      team.parallel(static_cast<int>(parts), [&](int part, int thread) {
        team.in_slices(w.tiles * part / parts, w.tiles * (part + 1) / parts, w.block_tiles,
                       [&](int64_t from, int64_t to) {
                         winograd_tiles(winograd_, gemm_, blocking, w, s, args, from, to,
                                        scratch[static_cast<size_t>(thread)]);
                       });
      });
      return {};
    }
    // Strips of whole tile rows of one image, so that the tail finds complete rows of pixels.
    const int64_t strip = std::max<int64_t>(1, w.block_tiles / w.tiles_w);
    const int64_t strips = (w.tiles_h + strip - 1) / strip;
    team.parallel(static_cast<int>(s.batch * strips), [&](int part, int thread) {
      const int64_t n = part / strips, from = part % strips * strip;
      const int64_t to = std::min(w.tiles_h, from + strip);
      char* memory = scratch[static_cast<size_t>(thread)];
      const int64_t base = n * w.tiles_h;
      winograd_tiles(winograd_, gemm_, blocking, w, s, args, (base + from) * w.tiles_w,
                     (base + to) * w.tiles_w, memory);
      const int64_t r0 = n * s.out[1] + from * w.m,
                    r1 = n * s.out[1] + std::min(s.out[1], to * w.m);
      run_tail(elt_kernels_, anchor_, c, args.y, s.out_channels, r0 * s.out[2], r1 * s.out[2], 0,
               s.out_channels, memory + tail_at);
    });
    return {};
  }

  const GemmKernels& gemm_;
  const WinogradKernels& winograd_;
  const EltKernels& elt_kernels_;
  ConvPlan plan_;
  int64_t m_;
  std::vector<float> bias_;
  FusedAnchor anchor_;
  std::shared_ptr<void> weights_;
  size_t packed_bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<StepKernel>> make_winograd_step(const KernelRequest& request, ConvPlan plan,
                                                       int64_t m, const Tensor& w,
                                                       std::vector<float> bias,
                                                       const FusedAnchor& anchor) {
  auto step =
      std::make_unique<WinogradStep>(request.isa, std::move(plan), m, std::move(bias), anchor);
  FERRY_RETURN_IF_ERROR(step->pack(w, request.budget));
  return std::unique_ptr<StepKernel>(std::move(step));
}

}  // namespace ferry
