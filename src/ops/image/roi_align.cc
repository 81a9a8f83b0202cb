// SPDX-License-Identifier: Apache-2.0
#include "ops/image/roi_align.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/nn/parameters.h"
#include "ops/registry.h"
#include "tensor/better_known.h"

namespace ferry {
namespace {

Status infer(const RoiAlign& op, InferContext& c) {
  if (op.mode != "avg" && op.mode != "max") {
    return invalid_model("attribute 'mode' is '{}', wanted is avg or max", op.mode);
  }
  if (op.coordinate_transformation_mode != "half_pixel" &&
      op.coordinate_transformation_mode != "output_half_pixel") {
    return invalid_model(
        "attribute 'coordinate_transformation_mode' is '{}', wanted is half_pixel "
        "or output_half_pixel",
        op.coordinate_transformation_mode);
  }
  if (op.output_height < 1 || op.output_width < 1 || op.sampling_ratio < 0) {
    return invalid_model("output size {} x {} with sampling ratio {}, wanted are positive ones",
                         op.output_height, op.output_width, op.sampling_ratio);
  }
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 4, 4));
  FERRY_ASSIGN_OR_RETURN(const Type rois, c.tensor(1, types::kFloating, 2, 2));
  FERRY_ASSIGN_OR_RETURN(const Type batch, c.tensor(2, {DType::kInt64}, 1, 1));
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 1));
  if (rois.has_rank() && Dim::known_different((*rois.shape)[1], 4)) {
    return shape_mismatch("rois is {}, wanted is [R,4]", rois.to_string());
  }
  if (rois.has_rank() && batch.has_rank() &&
      Dim::known_different((*rois.shape)[0], (*batch.shape)[0])) {
    return shape_mismatch("rois is {} and batch_indices {}, wanted is one index for each roi",
                          rois.to_string(), batch.to_string());
  }
  Dim count = c.fresh_dim(0, 0);
  for (const Type* t : {&rois, &batch}) {
    if (t->has_rank()) count = better_known(count, (*t->shape)[0]);
  }
  c.set_tensor(0, x.dtype,
               Shape{count, x.has_rank() ? (*x.shape)[1] : c.fresh_dim(0, 1), op.output_height,
                     op.output_width});
  return {};
}

// One sample: four pixels and their weights; all weights are 0 outside.
struct Sample {
  int64_t at[4] = {};
  double weight[4] = {};
};

Sample sample_at(double y, double x, int64_t height, int64_t width) {
  Sample s;
  const bool inside = y >= -1 && y <= double(height) && x >= -1 && x <= double(width);
  if (!inside) return s;
  const auto split = [](double v, int64_t size, int64_t& low, int64_t& high) {
    v = std::max(v, 0.0);
    low = static_cast<int64_t>(v);
    if (low >= size - 1) {
      low = high = size - 1;
      return 0.0;
    }
    high = low + 1;
    return v - double(low);
  };
  int64_t y0, y1, x0, x1;
  const double ly = split(y, height, y0, y1), lx = split(x, width, x0, x1);
  return {{y0 * width + x0, y0 * width + x1, y1 * width + x0, y1 * width + x1},
          {(1 - ly) * (1 - lx), (1 - ly) * lx, ly * (1 - lx), ly * lx}};
}

// The samples of one region, bin after bin.
struct Grid {
  int64_t per_bin = 0;
  std::vector<Sample> samples;
};

Status make_grid(const RoiAlign& op, const double* roi, int64_t height, int64_t width, Grid& grid) {
  // More than anyone's feature maps have; bounds what hostile regions can ask for.
  constexpr double kMaxSamplesPerRegion = 1 << 22;
  const bool half = op.coordinate_transformation_mode == "half_pixel";
  const double shift = half ? 0.5 : 0, scale = double(op.spatial_scale);
  const double x0 = roi[0] * scale - shift, y0 = roi[1] * scale - shift;
  double w = roi[2] * scale - shift - x0, h = roi[3] * scale - shift - y0;
  if (!half) {
    w = std::max(w, 1.0);
    h = std::max(h, 1.0);
  }
  if (!std::isfinite(x0 + y0 + w + h)) return invalid_argument("a region is not finite");
  const double bin_h = h / double(op.output_height), bin_w = w / double(op.output_width);
  const double ratio = double(op.sampling_ratio);
  const double rows = op.sampling_ratio > 0 ? ratio : std::max(0.0, std::ceil(bin_h));
  const double cols = op.sampling_ratio > 0 ? ratio : std::max(0.0, std::ceil(bin_w));
  const double bins = double(op.output_height) * double(op.output_width);
  if (!(rows * cols * bins <= kMaxSamplesPerRegion)) {
    return invalid_argument("a region of {} x {} asks for too many samples", w, h);
  }
  const auto n_rows = static_cast<int64_t>(rows), n_cols = static_cast<int64_t>(cols);
  grid.per_bin = n_rows * n_cols;
  grid.samples.clear();
  for (int64_t by = 0; by < op.output_height; ++by) {
    for (int64_t bx = 0; bx < op.output_width; ++bx) {
      for (int64_t i = 0; i < n_rows; ++i) {
        for (int64_t j = 0; j < n_cols; ++j) {
          const double y = y0 + double(by) * bin_h + (double(i) + 0.5) * bin_h / rows;
          const double x = x0 + double(bx) * bin_w + (double(j) + 0.5) * bin_w / cols;
          grid.samples.push_back(sample_at(y, x, height, width));
        }
      }
    }
  }
  return {};
}

template <class T>
double pool_bin(const T* plane, const Sample* s, int64_t n, bool average) {
  double result = 0;
  for (int64_t i = 0; i < n; ++i, ++s) {
    double v[4];
    for (int k = 0; k < 4; ++k) v[k] = s->weight[k] * double(compute_t<T>(plane[s->at[k]]));
    if (average) {
      result += v[0] + v[1] + v[2] + v[3];
    } else {
      const double top = *std::max_element(v, v + 4);
      result = i == 0 ? top : std::max(result, top);
    }
  }
  return average ? result / double(std::max<int64_t>(n, 1)) : result;
}

Status eval(const RoiAlign& op, EvalContext& c) {
  const Tensor &x = c.input(0), &rois = c.input(1), &batch = c.input(2);
  if (x.rank() != 4 || rois.rank() != 2 || rois.dim(1) != 4 || batch.rank() != 1 ||
      batch.dim(0) != rois.dim(0)) {
    return shape_mismatch("x is {}, rois {} and batch_indices {}; wanted are [N,C,H,W], [R,4], [R]",
                          x.describe(), rois.describe(), batch.describe());
  }
  const int64_t channels = x.dim(1), height = x.dim(2), width = x.dim(3);
  FERRY_ASSIGN_OR_RETURN(
      Tensor y, c.output(0, x.dtype(), {rois.dim(0), channels, op.output_height, op.output_width}));
  if (y.count() == 0) return {};
  if (height == 0 || width == 0) return shape_mismatch("x is {}, which is empty", x.describe());
  FERRY_ASSIGN_OR_RETURN(const auto regions, as_doubles(c, rois));
  const int64_t bins = op.output_height * op.output_width;
  Grid grid;
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    T* to = y.data<T>();
    for (int64_t r = 0; r < rois.dim(0); ++r) {
      FERRY_RETURN_IF_ERROR(c.poll());
      const int64_t n = batch.data<int64_t>()[r];
      if (n < 0 || n >= x.dim(0)) {
        return invalid_argument("batch index {} outside [0, {})", n, x.dim(0));
      }
      FERRY_RETURN_IF_ERROR(make_grid(op, regions.data() + 4 * r, height, width, grid));
      for (int64_t ch = 0; ch < channels; ++ch) {
        const T* plane = x.data<T>() + (n * channels + ch) * height * width;
        for (int64_t b = 0; b < bins; ++b) {
          const Sample* samples = grid.samples.data() + b * grid.per_bin;
          *to++ = T(
              static_cast<compute_t<T>>(pool_bin(plane, samples, grid.per_bin, op.mode == "avg")));
        }
      }
    }
    return {};
  });
}

}  // namespace

void register_roi_align(OpRegistry& r) {
  r.op<RoiAlign>("RoiAlign")
      .since(22)
      .inputs(3)
      .attr("mode", &RoiAlign::mode)
      .attr("coordinate_transformation_mode", &RoiAlign::coordinate_transformation_mode)
      .attr("output_height", &RoiAlign::output_height)
      .attr("output_width", &RoiAlign::output_width)
      .attr("sampling_ratio", &RoiAlign::sampling_ratio)
      .attr("spatial_scale", &RoiAlign::spatial_scale)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
