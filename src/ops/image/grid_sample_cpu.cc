// SPDX-License-Identifier: Apache-2.0
// GridSample of fp32 pictures in planes, nearest and linear, beyond the border zeros or the border.
// Positions and weights are worked out once for all channels, a tile of output pixels at a time.
#include <algorithm>
#include <bit>

#include "base/status.h"
#include "kernels/resize/resize.h"
#include "ops/image/grid_sample.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/plane_tile.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Pixels of a tile, at most: enough of them to read much of a plane while a cache holds it.
using Tile = PlaneTile<2048>;

void take(Tile& t, const float* grid, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    t.x[i] = grid[2 * i];
    t.y[i] = grid[2 * i + 1];
  }
  t.fill_up(n);
}

void sample_nearest(const Tile& t, const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const auto kept = static_cast<uint32_t>(t.kept[i]);
    y[i] = std::bit_cast<float>(std::bit_cast<uint32_t>(x[t.first[i]]) & kept);
  }
}

class GridSampleStep final : public StepKernel {
 public:
  GridSampleStep(Isa isa, Op op) : kernels_(resize_kernels(isa)), op_(std::move(op)) {}
  std::string name() const override { return "grid_sample_f32"; }
  Status run(StepContext& c) const override {
    const auto& op = *op_.as<GridSample>();
    const Tensor &x = c.input(0), &grid = c.input(1);
    const bool fits = x.rank() == 4 && grid.rank() == 4 && grid.dim(3) == 2 &&
                      grid.dim(0) == x.dim(0) && x.count() > 0 && grid.count() > 0;
    constexpr int64_t kMostSide = 1 << 24;
    if (!fits || x.dim(2) * x.dim(3) > INT32_MAX || std::max(x.dim(2), x.dim(3)) > kMostSide) {
      return op_.def().eval(op_, c);
    }
    const int64_t channels = x.dim(1), in = x.dim(2) * x.dim(3), out = grid.dim(1) * grid.dim(2);
    FERRY_ASSIGN_OR_RETURN(
        Tensor y, c.output(0, x.dtype(), Dims{x.dim(0), channels, grid.dim(1), grid.dim(2)}));
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(c.team().size(), sizeof(Tile)));
    const SampledPicture picture{x.dim(3), x.dim(2), op.align_corners, op.padding_mode == "border"};
    const bool linear = op.mode == "linear";
    const auto place = linear ? kernels_.place_linear : kernels_.place_nearest;
    const Tile::Sampler sample = linear ? Tile::sampler(x.dim(3)) : sample_nearest;
    const int64_t share = x.dim(0) * out / (2 * c.team().size());
    const int64_t most = std::clamp<int64_t>(share, 256, Tile::kPixels);
    const int64_t per_picture = (out + most - 1) / most;
    parallel_range(c.team(), x.dim(0) * per_picture, y.count() >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int thread) {
                     Tile& tile = *c.scratch<Tile>(thread);
                     for (int64_t u = from; u < to; ++u) {
                       const int64_t n = u / per_picture, first = u % per_picture * most;
                       const int64_t count = std::min(most, out - first);
                       take(tile, grid.data<float>() + 2 * (n * out + first), count);
                       place(picture, tile.x, tile.y, count, tile.places());
                       for (int64_t ch = n * channels; ch < (n + 1) * channels; ++ch) {
                         sample(tile, x.data<float>() + ch * in, y.data<float>() + ch * out + first,
                                count);
                       }
                     }
                   });
    return {};
  }

 private:
  const ResizeKernels& kernels_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const auto* op = request.node.op.as<GridSample>();
  if (request.type(0).dtype != DType::kFloat32 || request.type(1).dtype != DType::kFloat32) {
    return KernelOffer(std::string("not f32"));
  }
  if (op->mode == "cubic" || op->padding_mode == "reflection") {
    return KernelOffer(std::string("cubic, or reflected at the border"));
  }
  const Type& x = request.type(0);
  if (x.has_rank() && x.rank() != 4) return KernelOffer(std::string("not a picture"));
  return KernelOffer(std::make_unique<GridSampleStep>(request.isa, request.node.op));
}

}  // namespace

void register_grid_sample_cpu(KernelRegistry& r) { r.add("GridSample", "grid_sample_f32", make); }

}  // namespace ferry
