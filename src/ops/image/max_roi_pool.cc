// SPDX-License-Identifier: Apache-2.0
#include "ops/image/max_roi_pool.h"

#include <algorithm>
#include <cmath>

#include "ops/nn/parameters.h"
#include "ops/poll_every.h"
#include "ops/registry.h"

namespace ferry {
namespace {

Status infer(const MaxRoiPool& op, InferContext& c) {
  if (op.pooled_shape.size() != 2 || op.pooled_shape[0] < 1 || op.pooled_shape[1] < 1) {
    return invalid_model("attribute 'pooled_shape' is no pair of positive sizes");
  }
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 4, 4));
  FERRY_ASSIGN_OR_RETURN(const Type rois, c.tensor(1, types::kFloating, 2, 2));
  FERRY_RETURN_IF_ERROR(c.same_dtype(0, 1));
  if (rois.has_rank() && Dim::known_different((*rois.shape)[1], 5)) {
    return shape_mismatch("rois is {}, wanted is [R,5]", rois.to_string());
  }
  c.set_tensor(0, x.dtype,
               Shape{rois.has_rank() ? (*rois.shape)[0] : c.fresh_dim(0, 0),
                     x.has_rank() ? (*x.shape)[1] : c.fresh_dim(0, 1), op.pooled_shape[0],
                     op.pooled_shape[1]});
  return {};
}

// Pixels [from, to) of one bin along one axis.
struct Range {
  int64_t from, to;
};
Range bin_range(int64_t bin, int64_t bins, double first, double last, int64_t size) {
  const double extent = std::max(last - first + 1, 1.0) / double(bins);
  const auto clamp = [&](double v) {
    return static_cast<int64_t>(std::clamp(v, 0.0, double(size)));
  };
  return {clamp(std::floor(double(bin) * extent) + first),
          clamp(std::ceil(double(bin + 1) * extent) + first)};
}

template <class T>
Result<compute_t<T>> largest(PollEvery& polls, const T* plane, int64_t width, Range rows,
                             Range cols) {
  if (rows.from >= rows.to || cols.from >= cols.to) return compute_t<T>(0);
  compute_t<T> top = plane[rows.from * width + cols.from];
  for (int64_t i = rows.from; i < rows.to; ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(4 + cols.to - cols.from));
    for (int64_t j = cols.from; j < cols.to; ++j) {
      top = std::max<compute_t<T>>(top, plane[i * width + j]);
    }
  }
  return top;
}

Status eval(const MaxRoiPool& op, EvalContext& c) {
  const Tensor &x = c.input(0), &rois = c.input(1);
  if (x.rank() != 4 || rois.rank() != 2 || rois.dim(1) != 5) {
    return shape_mismatch("x is {} and rois {}; wanted are [N,C,H,W] and [R,5]", x.describe(),
                          rois.describe());
  }
  const int64_t channels = x.dim(1), height = x.dim(2), width = x.dim(3);
  const int64_t bins_y = op.pooled_shape[0], bins_x = op.pooled_shape[1];
  FERRY_ASSIGN_OR_RETURN(const auto regions, as_doubles(c, rois));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), {rois.dim(0), channels, bins_y, bins_x}));
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    T* to = y.data<T>();
    PollEvery polls(c);
    for (int64_t r = 0; r < rois.dim(0); ++r) {
      const double* roi = regions.data() + 5 * r;
      if (!(roi[0] >= 0 && roi[0] < double(x.dim(0)))) {
        return invalid_argument("batch index {} outside [0, {})", roi[0], x.dim(0));
      }
      double edge[4];
      for (int k = 0; k < 4; ++k) {
        edge[k] = std::round(roi[k + 1] * double(op.spatial_scale));
        if (!std::isfinite(edge[k])) return invalid_argument("region {} is not finite", r);
      }
      const auto n = static_cast<int64_t>(roi[0]);
      for (int64_t ch = 0; ch < channels; ++ch) {
        const T* plane = x.data<T>() + (n * channels + ch) * height * width;
        for (int64_t by = 0; by < bins_y; ++by) {
          const Range rows = bin_range(by, bins_y, edge[1], edge[3], height);
          for (int64_t bx = 0; bx < bins_x; ++bx) {
            const Range cols = bin_range(bx, bins_x, edge[0], edge[2], width);
            FERRY_RETURN_IF_ERROR(polls.spend(16));
            FERRY_ASSIGN_OR_RETURN(const auto top, largest(polls, plane, width, rows, cols));
            *to++ = T(top);
          }
        }
      }
    }
    return {};
  });
}

}  // namespace

void register_max_roi_pool(OpRegistry& r) {
  r.op<MaxRoiPool>("MaxRoiPool")
      .since(22)
      .inputs(2)
      .required("pooled_shape", &MaxRoiPool::pooled_shape)
      .attr("spatial_scale", &MaxRoiPool::spatial_scale)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
