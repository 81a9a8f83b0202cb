// SPDX-License-Identifier: Apache-2.0
// GridSample of fp32 lines, pictures and volumes in every mode: positions and weights are worked
// out once for all channels, a tile of output pixels at a time.
#include <vector>

#include "base/status.h"
#include "ops/nn/window.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/sample_tile.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// How one picture is read; made anew when shapes change.
struct Samplers final : StepState {
  std::vector<AxisSampler> axes;
  Dims in;
  int64_t taps = 1;

  Samplers(const GridSample& op, SampleModes modes, const Dims& dims) : in(dims) {
    for (int64_t size : dims) {
      axes.emplace_back(modes, op.align_corners, size);
      if (modes.interpolation == Interpolation::kLinear) taps *= 2;
      if (modes.interpolation == Interpolation::kCubic) taps *= 4;
    }
  }
  void place(const float* grid, int64_t n, SampleTile& tile) const {
    const size_t rank = axes.size();
    SampleTaps found[SampleTile::kMostAxes];
    tile.clear(taps);
    for (int64_t i = 0; i < n; ++i, grid += rank) {
      for (size_t a = 0; a < rank; ++a) found[a] = axes[a].taps(grid[rank - 1 - a]);
      tile.add(std::span(found, rank), in);
    }
  }
};

class GridTapsStep final : public StepKernel {
 public:
  GridTapsStep(Op op, SampleModes modes) : op_(std::move(op)), modes_(modes) {}
  std::string name() const override { return "grid_sample_taps_f32"; }
  Status run(StepContext& c) const override {
    const Tensor &x = c.input(0), &grid = c.input(1);
    const bool fits = x.rank() >= 3 && x.rank() <= 2 + SampleTile::kMostAxes &&
                      grid.rank() == x.rank() && grid.dim(0) == x.dim(0) && x.count() > 0 &&
                      grid.count() > 0 && grid.dims().back() == static_cast<int64_t>(x.rank()) - 2;
    const int64_t in = fits ? x.dims().count(2, x.rank()) : 0;
    if (!fits || in > INT32_MAX) return op_.def().eval(op_, c);
    Dims dims{x.dim(0), x.dim(1)};
    for (size_t a = 1; a + 1 < grid.rank(); ++a) dims.push_back(grid.dim(a));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
    if (c.state() == nullptr) {
      c.state() =
          std::make_unique<Samplers>(*op_.as<GridSample>(), modes_, spatial_dims(x.dims(), false));
    }
    const auto& samplers = static_cast<const Samplers&>(*c.state());
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(c.team().size(), sizeof(SampleTile)));
    const int64_t channels = x.dim(1), out = dims.count(2, dims.size());
    const int64_t rank = static_cast<int64_t>(x.rank()) - 2;
    const int64_t size = SampleTile::pixels(samplers.taps), tiles = (out + size - 1) / size;
    parallel_range(c.team(), x.dim(0) * tiles, y.count() * samplers.taps >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int thread) {
                     auto& tile = *c.scratch<SampleTile>(thread);
                     for (int64_t u = from; u < to; ++u) {
                       const int64_t picture = u / tiles, first = u % tiles * size;
                       samplers.place(grid.data<float>() + rank * (picture * out + first),
                                      std::min(size, out - first), tile);
                       for (int64_t ch = picture * channels; ch < (picture + 1) * channels; ++ch) {
                         tile.apply(x.data<float>() + ch * in, y.data<float>() + ch * out + first);
                       }
                     }
                   });
    return {};
  }

 private:
  Op op_;
  SampleModes modes_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32 || request.type(1).dtype != DType::kFloat32) {
    return KernelOffer(std::string("not f32"));
  }
  FERRY_ASSIGN_OR_RETURN(const SampleModes modes, sample_modes(*request.node.op.as<GridSample>()));
  return KernelOffer(std::make_unique<GridTapsStep>(request.node.op, modes));
}

}  // namespace

void register_grid_sample_taps_cpu(KernelRegistry& r) {
  r.add("GridSample", "grid_sample_taps_f32", make);
}

}  // namespace ferry
