// SPDX-License-Identifier: Apache-2.0
// GridSample of fp32 pictures in planes, nearest and linear, beyond the border zeros or the border.
// Positions and weights are worked out once for all channels, a tile of output pixels at a time.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/status.h"
#include "ops/image/grid_sample.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Pixels of a tile, at most: enough of them to read much of a plane while a cache holds it.
constexpr int64_t kTile = 2048;

struct Plane {
  int64_t height, width;
};

// Up to four pixels of the input that make one of the output; -1 is a zero.
struct Tile {
  // The nearest one, and which of its bits stay: none of a zero.
  std::array<int32_t, kTile> nearest;
  std::array<uint32_t, kTile> kept;
  std::array<std::array<int32_t, 4>, kTile> offset;
  std::array<std::array<float, 4>, kTile> weight;
  // Pixels that read no zero come first, the others from the end.
  std::array<int32_t, kTile> order;
  int64_t inside = 0;
};

class Sampler {
 public:
  Sampler(const GridSample& op, Plane in)
      : in_(in),
        linear_(op.mode == "linear"),
        border_(op.padding_mode == "border"),
        align_(op.align_corners) {}

  bool linear() const { return linear_; }

  void place(const float* grid, int64_t n, Tile& t) const {
    t.inside = 0;
    for (int64_t i = 0; i < n; ++i) {
      const float x = position(grid[2 * i], in_.width), y = position(grid[2 * i + 1], in_.height);
      auto& offset = t.offset[static_cast<size_t>(i)];
      if (!linear_) {
        const int32_t at = pixel(static_cast<int64_t>(y), static_cast<int64_t>(x));
        t.nearest[static_cast<size_t>(i)] = std::max(at, 0);
        t.kept[static_cast<size_t>(i)] = at < 0 ? 0 : ~uint32_t{0};
        continue;
      }
      const float x0 = std::floor(x), y0 = std::floor(y), u = x - x0, v = y - y0;
      const auto column = static_cast<int64_t>(x0), row = static_cast<int64_t>(y0);
      bool inside = true;
      for (int k = 0; k < 4; ++k) {
        offset[static_cast<size_t>(k)] = pixel(row + k / 2, column + k % 2);
        inside = inside && offset[static_cast<size_t>(k)] >= 0;
      }
      const int64_t outside = i - t.inside;
      t.order[static_cast<size_t>(inside ? t.inside : kTile - 1 - outside)] =
          static_cast<int32_t>(i);
      t.inside += inside ? 1 : 0;
      t.weight[static_cast<size_t>(i)] = {(1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u};
    }
  }

 private:
  // In pixels; never NaN, and never so far away that an index would overflow.
  float position(float normalised, int64_t size) const {
    const auto n = static_cast<float>(size);
    float x = align_ ? (normalised + 1) / 2 * (n - 1) : ((normalised + 1) * n - 1) / 2;
    if (!linear_) x = std::nearbyint(x);
    if (!border_) return x > -8 ? std::fmin(x, n + 8) : -8;
    const float low = align_ ? 0 : -0.5f, high = n - (align_ ? 1 : 0.5f);
    if (x >= low && x <= high) return x;
    return x > 0 ? std::fmin(x, n - 1) : 0;
  }
  int32_t pixel(int64_t row, int64_t column) const {
    if (border_) {
      row = std::clamp<int64_t>(row, 0, in_.height - 1);
      column = std::clamp<int64_t>(column, 0, in_.width - 1);
    } else if (row < 0 || row >= in_.height || column < 0 || column >= in_.width) {
      return -1;
    }
    return static_cast<int32_t>(row * in_.width + column);
  }

  Plane in_;
  bool linear_, border_, align_;
};

void sample_nearest(const Tile& t, const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<size_t>(i);
    y[i] = std::bit_cast<float>(std::bit_cast<uint32_t>(x[t.nearest[at]]) & t.kept[at]);
  }
}

void sample_linear(const Tile& t, const float* x, float* y, int64_t n) {
  for (int64_t j = 0; j < t.inside; ++j) {
    const auto at = static_cast<size_t>(t.order[static_cast<size_t>(j)]);
    const auto& offset = t.offset[at];
    const auto& w = t.weight[at];
    y[at] = x[offset[0]] * w[0] + x[offset[1]] * w[1] + x[offset[2]] * w[2] + x[offset[3]] * w[3];
  }
  for (int64_t j = kTile - (n - t.inside); j < kTile; ++j) {
    const auto at = static_cast<size_t>(t.order[static_cast<size_t>(j)]);
    float sum = 0;
    for (size_t k = 0; k < 4; ++k) {
      const int32_t offset = t.offset[at][k];
      sum += offset < 0 ? 0 : x[offset] * t.weight[at][k];
    }
    y[at] = sum;
  }
}

class GridSampleStep final : public StepKernel {
 public:
  explicit GridSampleStep(Op op) : op_(std::move(op)) {}
  std::string name() const override { return "grid_sample_f32"; }
  Status run(StepContext& c) const override {
    const auto& op = *op_.as<GridSample>();
    const Tensor &x = c.input(0), &grid = c.input(1);
    const bool fits = x.rank() == 4 && grid.rank() == 4 && grid.dim(3) == 2 &&
                      grid.dim(0) == x.dim(0) && x.count() > 0 && grid.count() > 0;
    if (!fits || x.dim(2) * x.dim(3) > INT32_MAX) return op_.def().eval(op_, c);
    const int64_t channels = x.dim(1), in = x.dim(2) * x.dim(3), out = grid.dim(1) * grid.dim(2);
    FERRY_ASSIGN_OR_RETURN(
        Tensor y, c.output(0, x.dtype(), Dims{x.dim(0), channels, grid.dim(1), grid.dim(2)}));
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(c.team().size(), sizeof(Tile)));
    const Sampler sampler(op, {x.dim(2), x.dim(3)});
    const int64_t share = x.dim(0) * out / (2 * c.team().size());
    const int64_t most = std::clamp<int64_t>(share, 256, kTile);
    const int64_t per_picture = (out + most - 1) / most;
    parallel_range(c.team(), x.dim(0) * per_picture, y.count() >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int thread) {
                     Tile& tile = *c.scratch<Tile>(thread);
                     for (int64_t u = from; u < to; ++u) {
                       const int64_t picture = u / per_picture, first = u % per_picture * most;
                       const int64_t n = std::min(most, out - first);
                       sampler.place(grid.data<float>() + 2 * (picture * out + first), n, tile);
                       for (int64_t ch = picture * channels; ch < (picture + 1) * channels; ++ch) {
                         const float* plane = x.data<float>() + ch * in;
                         float* target = y.data<float>() + ch * out + first;
                         if (sampler.linear())
                           sample_linear(tile, plane, target, n);
                         else
                           sample_nearest(tile, plane, target, n);
                       }
                     }
                   });
    return {};
  }

 private:
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
  return KernelOffer(std::make_unique<GridSampleStep>(request.node.op));
}

}  // namespace

void register_grid_sample_cpu(KernelRegistry& r) { r.add("GridSample", "grid_sample_f32", make); }

}  // namespace ferry
