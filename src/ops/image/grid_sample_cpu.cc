// SPDX-License-Identifier: Apache-2.0
// GridSample of fp32 pictures in planes, nearest and linear, beyond the border zeros or the border.
// Positions and weights are worked out once for all channels, a tile of output pixels at a time.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/status.h"
#include "kernels/resize/resize.h"
#include "ops/image/grid_sample.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Pixels of a tile, at most: enough of them to read much of a plane while a cache holds it.
constexpr int64_t kTile = 2048;

using V4 [[gnu::vector_size(16)]] = float;
using Bits4 [[gnu::vector_size(16)]] = uint32_t;

struct Tile {
  alignas(64) float x[kTile], y[kTile];  // positions
  alignas(64) int32_t first[kTile], second[kTile], kept[kTile];
  alignas(64) float weight[4][kTile];

  SamplePlaces places() {
    return {first, second, kept, {weight[0], weight[1], weight[2], weight[3]}};
  }
  void take(const float* grid, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      x[i] = grid[2 * i];
      y[i] = grid[2 * i + 1];
    }
    for (int64_t i = n; i % 16 != 0; ++i) x[i] = y[i] = 0;
  }
};

void sample_nearest(const Tile& t, const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const auto kept = static_cast<uint32_t>(t.kept[i]);
    y[i] = std::bit_cast<float>(std::bit_cast<uint32_t>(x[t.first[i]]) & kept);
  }
}

// The pixels at four offsets, and those behind them, unless there are none.
template <bool kRowsOfOne>
std::array<V4, 2> pairs_at(const float* x, const int32_t* offset) {
  const float *a = x + offset[0], *b = x + offset[1], *c = x + offset[2], *d = x + offset[3];
  if constexpr (kRowsOfOne) return {V4{*a, *b, *c, *d}, V4{}};
  const V4 ab{a[0], a[1], b[0], b[1]}, cd{c[0], c[1], d[0], d[1]};
  return {__builtin_shufflevector(ab, cd, 0, 2, 4, 6), __builtin_shufflevector(ab, cd, 1, 3, 5, 7)};
}

template <bool kRowsOfOne>
V4 sample_four(const Tile& t, const float* x, int64_t i) {
  const auto at = [](const auto* p) {
    V4 v;
    std::memcpy(&v, p, sizeof v);
    return v;
  };
  const auto top = pairs_at<kRowsOfOne>(x, t.first + i);
  const auto bottom = pairs_at<kRowsOfOne>(x, t.second + i);
  V4 pixels[] = {top[0], top[1], bottom[0], bottom[1]};
  if ((t.kept[i] & t.kept[i + 1] & t.kept[i + 2] & t.kept[i + 3]) != 15) {
    const auto kept = std::bit_cast<Bits4>(at(t.kept + i));
    for (uint32_t k = 0; k < 4; ++k) {
      const Bits4 mask = 0 - (kept >> k & 1);
      pixels[k] = std::bit_cast<V4>(std::bit_cast<Bits4>(pixels[k]) & mask);
    }
  }
  V4 sum = pixels[0] * at(t.weight[0] + i);
  for (uint32_t k = 1; k < 4; ++k) sum += pixels[k] * at(t.weight[k] + i);
  return sum;
}

template <bool kRowsOfOne>
void sample_linear(const Tile& t, const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i += 4) {
    const V4 v = sample_four<kRowsOfOne>(t, x, i);
    std::memcpy(y + i, &v, static_cast<size_t>(std::min<int64_t>(4, n - i)) * sizeof(float));
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
    const auto sample = !linear         ? sample_nearest
                        : x.dim(3) == 1 ? sample_linear<true>
                                        : sample_linear<false>;
    const int64_t share = x.dim(0) * out / (2 * c.team().size());
    const int64_t most = std::clamp<int64_t>(share, 256, kTile);
    const int64_t per_picture = (out + most - 1) / most;
    parallel_range(c.team(), x.dim(0) * per_picture, y.count() >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int thread) {
                     Tile& tile = *c.scratch<Tile>(thread);
                     for (int64_t u = from; u < to; ++u) {
                       const int64_t n = u / per_picture, first = u % per_picture * most;
                       const int64_t count = std::min(most, out - first);
                       tile.take(grid.data<float>() + 2 * (n * out + first), count);
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
