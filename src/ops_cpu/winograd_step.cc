// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/winograd_step.h"

#include <algorithm>

#include "base/status.h"
#include "kernels/winograd/winograd.h"
#include "ops_cpu/anchor_step.h"
#include "ops_cpu/parallel.h"

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
    return pack_weights(request, weights_label(tactic(), plan_.shape),
                        winograd_packed_size(gemm_, winograd_shape(plan_.shape), m_),
                        [isa = request.isa, shape = winograd_shape(plan_.shape), m = m_](
                            const Tensor& w, float* to) {
                          winograd_pack_weights(isa, shape, m, w.data<float>(), 0,
                                                shape.out_channels, to);
                        });
  }

  std::string name() const override { return "winograd_f32"; }
  std::string tactic() const override {
    const ConvShape s = winograd_shape(plan_.shape);
    return is_winograd_line(s) ? fmt::format("F({}, {})", m_, s.kernel[1])
                               : fmt::format("F({0}x{0}, 3x3)", m_);
  }

  Status run(StepContext& c) const override {
    static const GemmBlocking blocking = gemm_blocking();
    const Tensor& x = first_input(c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    FERRY_ASSIGN_OR_RETURN(const ConvShape resolved, resolve_conv(plan_, x));
    if (y.count() == 0) return {};
    const ConvShape s = winograd_shape(resolved);
    const ConvArgs args = conv_args(c, x, y);
    const WinogradPlan w = winograd_plan(gemm_, blocking, s, m_);
    const TailMatrix matrix{args.y, s.out_channels, args.y_pitch};
    const int64_t own = winograd_scratch_bytes(w, s);
    FERRY_RETURN_IF_ERROR(reserve(c, own));
    Team& team = c.team();
    if (s.groups == 1 && splits_channels(team, x, s.out_channels, gemm_.nr)) {
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
    // The pixels of its tiles lie apart.
    const bool dilated = s.dilation[1] > 1 || s.dilation[2] > 1;
    // As many parts for every thread, and whole register tiles but for the last: what one thread
    // has over, all wait for.
    const int64_t units = (w.tiles + gemm_.mr - 1) / gemm_.mr, threads = team.size();
    const int64_t blocks = (w.tiles + w.block_tiles - 1) / w.block_tiles;
    const int64_t each = std::clamp<int64_t>((blocks + threads - 1) / threads, 1, 4);
    const int64_t parts = threads == 1 ? 1 : std::min(units, each * threads);
    team.parallel(static_cast<int>(parts), [&](int part, int thread) {
      const int64_t first = units * part / parts * gemm_.mr;
      const int64_t end = std::min(w.tiles, units * (part + 1) / parts * gemm_.mr);
      team.in_slices(first, end, w.block_tiles, [&](int64_t slice, int64_t slice_end) {
        // The tail finds each block in the cache.
        const bool ends_here = anchor_.has_tail() && !dilated;
        const int64_t block = ends_here ? w.block_tiles : slice_end - slice;
        for (int64_t from = slice; from < slice_end; from += block) {
          const int64_t to = std::min(slice_end, from + block);
          winograd_tiles(winograd_, gemm_, blocking, w, s, args, from, to, c.scratch<void>(thread));
          if (ends_here) finish_tiles(c, matrix, w, s, from, to, thread, own);
        }
      });
    });
    if (!anchor_.has_tail() || !dilated) return {};
    parallel_range(team, s.rows(), true, [&](int64_t from, int64_t to, int thread) {
      finish(c, matrix, from * s.out[2], to * s.out[2], thread, own);
    });
    return {};
  }

 private:
  // The tail on the pixels of tiles [from, to).
  void finish_tiles(const StepContext& c, const TailMatrix& y, const WinogradPlan& w,
                    const ConvShape& s, int64_t from, int64_t to, int thread,
                    int64_t own_bytes) const {
    while (from < to) {
      const int64_t row = from / w.tiles_w, column = from % w.tiles_w;
      const int64_t image = row / w.tiles_h, h0 = row % w.tiles_h * w.m;
      const int64_t base = image * s.out[1] * s.out[2];
      if (column == 0 && to - from >= w.tiles_w) {  // whole rows of tiles, within one image
        const int64_t rows = std::min((to - from) / w.tiles_w, w.tiles_h - row % w.tiles_h);
        const int64_t h1 = std::min(s.out[1], h0 + rows * w.m);
        finish(c, y, base + h0 * s.out[2], base + h1 * s.out[2], thread, own_bytes);
        from += rows * w.tiles_w;
        continue;
      }
      const int64_t columns = std::min(to - from, w.tiles_w - column);
      const int64_t x0 = column * w.m_w, x1 = std::min(s.out[2], (column + columns) * w.m_w);
      for (int64_t h = h0; h < std::min(s.out[1], h0 + w.m); ++h) {
        const int64_t pixels = base + h * s.out[2];
        finish(c, y, pixels + x0, pixels + x1, thread, own_bytes);
      }
      from += columns;
    }
  }

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
