// SPDX-License-Identifier: Apache-2.0
#include "ops/image/grid_sample.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>

#include "ops/image/axis_sampler.h"
#include "ops/nn/window.h"
#include "tensor/better_known.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const GridSample& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const SampleModes modes, sample_modes(op));
  FERRY_ASSIGN_OR_RETURN(
      const Type x,
      c.tensor(0, types::kNumeric | types::kBool | types::kComplex | types::kString, 3));
  FERRY_ASSIGN_OR_RETURN(const Type grid, c.tensor(1, types::kFloating, 3));
  if (x.dtype == DType::kString && modes.interpolation != Interpolation::kNearest) {
    return unsupported_type("strings cannot be interpolated with mode '{}'", op.mode);
  }
  if (!x.has_rank() || !grid.has_rank()) {
    c.set_tensor(0, x.dtype, std::nullopt);
    return {};
  }
  const Dim rank(static_cast<int64_t>(x.rank()) - 2);
  if (x.rank() != grid.rank() || Dim::known_different(grid.shape->back(), rank) ||
      Dim::known_different((*x.shape)[0], (*grid.shape)[0])) {
    return shape_mismatch(
        "x is {} and grid {}; wanted are equal ranks and batches, and {} "
        "coordinates",
        x.to_string(), grid.to_string(), rank.to_string());
  }
  Shape shape = *grid.shape;
  shape.pop_back();
  shape[0] = better_known(shape[0], (*x.shape)[0]);
  shape.insert(shape.begin() + 1, (*x.shape)[1]);
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}

// One input element of one output: its spatial offset (-1: a zero) and its weight.
struct Sample {
  int64_t offset;
  double weight;
};

void combine(const std::vector<SampleTaps>& axes, const Dims& in, std::vector<Sample>& samples) {
  samples.assign(1, {0, 1});
  std::vector<Sample> grown;
  for (size_t a = 0; a < axes.size(); ++a) {
    grown.clear();
    for (const Sample& s : samples) {
      for (int k = 0; k < axes[a].count; ++k) {
        const bool zero = s.offset < 0 || axes[a].index[k] < 0;
        grown.push_back(
            {zero ? -1 : s.offset * in[a] + axes[a].index[k], s.weight * axes[a].weight[k]});
      }
    }
    samples.swap(grown);
  }
}

// Integers are cut off, not rounded, and saturate.
template <class T>
T from_double(double v) {
  if constexpr (is_floating_v<T>) {
    return T(static_cast<compute_t<T>>(v));
  } else if constexpr (std::is_same_v<T, bool>) {
    return v != 0;
  } else {
    if (std::isnan(v)) return 0;
    if (v <= double(std::numeric_limits<T>::lowest())) return std::numeric_limits<T>::lowest();
    if (v >= double(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<T>(v);
  }
}

struct Sizes {
  int64_t batch, channels, in_count, out_count;
  Dims in;
};

// What happens at an output position of image n.
using Visit = std::function<void(int64_t n, int64_t position, std::span<const Sample>)>;

Status for_each_position(const SampleModes& modes, const GridSample& op, const Sizes& s,
                         const Tensor& grid, EvalContext& c, const Visit& visit) {
  const size_t rank = s.in.size();
  std::vector<AxisSampler> samplers;
  for (size_t a = 0; a < rank; ++a) samplers.emplace_back(modes, op.align_corners, s.in[a]);
  std::vector<SampleTaps> taps(rank);
  std::vector<Sample> samples;
  return visit_floating(grid.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    const T* at = grid.data<T>();
    for (int64_t n = 0; n < s.batch; ++n) {
      for (int64_t p = 0; p < s.out_count; ++p, at += rank) {
        if (p % 64 == 0) FERRY_RETURN_IF_ERROR(c.poll());
        for (size_t a = 0; a < rank; ++a) {
          taps[a] = samplers[a].taps(compute_t<T>(at[rank - 1 - a]));
        }
        combine(taps, s.in, samples);
        visit(n, p, samples);
      }
    }
    return {};
  });
}

// `lanes` numbers lie at each element (2: complex).
template <class T>
Status blend(const SampleModes& modes, const GridSample& op, const Sizes& s, const Tensor& grid,
             const T* x, T* y, int64_t lanes, EvalContext& c) {
  return for_each_position(
      modes, op, s, grid, c, [&](int64_t n, int64_t p, std::span<const Sample> samples) {
        for (int64_t ch = 0; ch < s.channels * lanes; ++ch) {
          const int64_t plane = n * s.channels + ch / lanes, lane = ch % lanes;
          double sum = 0;
          for (const Sample& t : samples) {
            if (t.offset < 0) continue;
            sum +=
                t.weight * double(compute_t<T>(x[(plane * s.in_count + t.offset) * lanes + lane]));
          }
          y[(plane * s.out_count + p) * lanes + lane] = from_double<T>(sum);
        }
      });
}

template <class T>
Status pick(const SampleModes& modes, const GridSample& op, const Sizes& s, const Tensor& grid,
            const T* x, T* y, EvalContext& c) {
  return for_each_position(
      modes, op, s, grid, c, [&](int64_t n, int64_t p, std::span<const Sample> samples) {
        for (int64_t ch = 0; ch < s.channels; ++ch) {
          const int64_t plane = n * s.channels + ch, from = samples[0].offset;
          y[plane * s.out_count + p] = from < 0 ? T{} : x[plane * s.in_count + from];
        }
      });
}

Result<Sizes> check_sizes(const SampleModes& modes, const Tensor& x, const Tensor& grid) {
  const size_t rank = x.rank() < 3 ? 0 : x.rank() - 2;
  if (rank == 0 || grid.rank() != x.rank() || grid.dim(0) != x.dim(0) ||
      grid.dims().back() != static_cast<int64_t>(rank)) {
    return shape_mismatch(
        "x is {} and grid {}; wanted are equal ranks and batches, and one "
        "coordinate per spatial axis",
        x.describe(), grid.describe());
  }
  // 4^8 samples per output are plenty.
  if (rank > 8 && modes.interpolation != Interpolation::kNearest) {
    return limit_exceeded("{} spatial axes, at most 8 can be interpolated", rank);
  }
  Sizes s{x.dim(0), x.dim(1), 1, 1, spatial_dims(x.dims(), false)};
  s.in_count = s.in.count();
  s.out_count = grid.dims().count(1, grid.rank() - 1);
  return s;
}

Status eval(const GridSample& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const SampleModes modes, sample_modes(op));
  const Tensor &x = c.input(0), &grid = c.input(1);
  FERRY_ASSIGN_OR_RETURN(const Sizes s, check_sizes(modes, x, grid));
  Dims dims{s.batch, s.channels};
  for (size_t a = 1; a + 1 < grid.rank(); ++a) dims.push_back(grid.dim(a));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
  if (y.count() == 0) return {};
  if (s.in_count == 0) return shape_mismatch("x is {}, which has nothing to sample", x.describe());
  if (modes.interpolation == Interpolation::kNearest) {
    return visit_storage(x.dtype(), [&]<class T>(TypeTag<T>) {
      return pick(modes, op, s, grid, x.data<T>(), y.data<T>(), c);
    });
  }
  const auto run = [&]<class T>(TypeTag<T>, int64_t lanes) {
    return blend(modes, op, s, grid, x.data<T>(), y.data<T>(), lanes, c);
  };
  if (x.dtype() == DType::kBool) return run(TypeTag<bool>{}, 1);
  if (x.dtype() == DType::kComplex64) return run(TypeTag<float>{}, 2);
  if (x.dtype() == DType::kComplex128) return run(TypeTag<double>{}, 2);
  return visit_numeric(x.dtype(), [&]<class T>(TypeTag<T> tag) { return run(tag, 1); });
}

}  // namespace

void register_grid_sample(OpRegistry& r) {
  r.op<GridSample>("GridSample")
      .since(22)
      .inputs(2)
      .attr("mode", &GridSample::mode)
      .attr("padding_mode", &GridSample::padding_mode)
      .attr("align_corners", &GridSample::align_corners)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
