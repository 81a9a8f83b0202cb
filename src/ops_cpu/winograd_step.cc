// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/winograd_step.h"

#include <algorithm>

#include "base/status.h"
#include "kernels/winograd/winograd.h"
#include "ops_cpu/anchor_step.h"

namespace ferry {
namespace {

class WinogradStep final : public AnchorStep {
 public:
  WinogradStep(Isa isa, ConvPlan plan, int64_t m, std::vector<float> bias, FusedAnchor anchor)
      : AnchorStep(isa, std::move(bias), std::move(anchor), true),
        gemm_(gemm_kernels(isa)),
        winograd_(winograd_kernels(isa)),
        plan_(std::move(plan)),
        m_(m) {}

  Status pack(const KernelRequest& request) {
    return pack_weights(request, tactic(), winograd_packed_size(gemm_, plan_.shape, m_),
                        [&gemm = gemm_, shape = plan_.shape, m = m_](const Tensor& w, float* to) {
                          winograd_pack_weights(gemm, shape, m, w.data<float>(), 0,
                                                shape.out_channels, to);
                        });
  }

  std::string name() const override { return "winograd_f32"; }
  std::string tactic() const override { return fmt::format("F({0}x{0}, 3x3)", m_); }

  Status run(StepContext& c) const override {
    static const GemmBlocking blocking = gemm_blocking();
    const Tensor& x = first_input(c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    FERRY_ASSIGN_OR_RETURN(const ConvShape s, resolve_conv(plan_, x));
    if (y.count() == 0) return {};
    const ConvArgs args = conv_args(c, x, y);
    const WinogradPlan w = winograd_plan(gemm_, blocking, s, m_);
    const TailMatrix matrix{args.y, s.out_channels, args.y_pitch};
    const int64_t own = winograd_scratch_bytes(w, s);
    FERRY_RETURN_IF_ERROR(reserve(c, own));
    Team& team = c.team();
    if (splits_channels(team, x, s.out_channels, gemm_.nr)) {
      parallel_channels(
          team, args, s.out_channels, gemm_.nr, [&](const ConvArgs& part, int thread) {
            team.in_slices(0, w.tiles, w.block_tiles, [&](int64_t from, int64_t to) {
              winograd_tiles(winograd_, gemm_, blocking, w, s, part, from, to,
                             c.scratch<void>(thread));
            });
            finish(c, matrix, 0, s.rows() * s.out[2], part.out_begin, part.out_end, thread, own);
          });
      return {};
    }
    const auto run_tiles = [&](int64_t from, int64_t to, int thread) {
      winograd_tiles(winograd_, gemm_, blocking, w, s, args, from, to, c.scratch<void>(thread));
    };
    if (!anchor_.has_tail()) {
      const int64_t blocks = (w.tiles + w.block_tiles - 1) / w.block_tiles;
      const int64_t parts =
          team.size() == 1
              ? 1
              : std::min(w.tiles, std::max<int64_t>(team.size(),
                                                    std::min<int64_t>(blocks, 4 * team.size())));
      team.parallel(static_cast<int>(parts), [&](int part, int thread) {
        team.in_slices(w.tiles * part / parts, w.tiles * (part + 1) / parts, w.block_tiles,
                       [&](int64_t from, int64_t to) { run_tiles(from, to, thread); });
      });
      return {};
    }
    // Strips of whole tile rows of one image, so that the tail finds complete rows of pixels.
    const int64_t strip = std::max<int64_t>(1, w.block_tiles / w.tiles_w);
    const int64_t strips = (w.tiles_h + strip - 1) / strip;
    team.parallel(static_cast<int>(s.batch * strips), [&](int part, int thread) {
      const int64_t n = part / strips, from = part % strips * strip;
      const int64_t to = std::min(w.tiles_h, from + strip);
      const int64_t base = n * w.tiles_h;
      run_tiles((base + from) * w.tiles_w, (base + to) * w.tiles_w, thread);
      const int64_t r0 = n * s.out[1] + from * w.m,
                    r1 = n * s.out[1] + std::min(s.out[1], to * w.m);
      finish(c, matrix, r0 * s.out[2], r1 * s.out[2], thread, own);
    });
    return {};
  }

 private:
  const GemmKernels& gemm_;
  const WinogradKernels& winograd_;
  ConvPlan plan_;
  int64_t m_;
};

}  // namespace

Result<std::unique_ptr<StepKernel>> make_winograd_step(const KernelRequest& request, ConvPlan plan,
                                                       int64_t m, std::vector<float> bias,
                                                       const FusedAnchor& anchor) {
  auto step =
      std::make_unique<WinogradStep>(request.isa, std::move(plan), m, std::move(bias), anchor);
  FERRY_RETURN_IF_ERROR(step->pack(request));
  return std::unique_ptr<StepKernel>(std::move(step));
}

}  // namespace ferry
