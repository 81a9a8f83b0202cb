// SPDX-License-Identifier: Apache-2.0
// Resamples x to another size, one axis after the other.
//   x: any shape; every type with mode "nearest", numbers and bool with "linear" and "cubic"
//   roi: [starts, ends] normalised, for tf_crop_and_resize   one of scales: f32, sizes: i64
//   y: type of x, sizes as asked, or floor(size * scale)
// roi, scales and sizes have one entry per axis, or per element of `axes`.
// ONNX Resize-19; versions before 13, and Upsample, become this in onnx/upgrade/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/small_vector.h"
#include "ferry/status.h"
#include "ferry/types.h"
#include "ir/eval.h"

namespace ferry {

struct Resize {
  std::string mode = "nearest";  // or linear, cubic
  // Also tf_half_pixel_for_nn, which Resize-11 alone has.
  std::string coordinate_transformation_mode = "half_pixel";
  std::string nearest_mode = "round_prefer_floor";
  std::string keep_aspect_ratio_policy = "stretch";  // or not_larger, not_smaller; of sizes
  std::vector<int64_t> axes;                         // empty: all
  bool antialias = false;                            // linear, cubic: widen the filter to shrink
  bool exclude_outside = false;  // taps outside weigh nothing instead of repeating the edge
  float cubic_coeff_a = -0.75f;
  float extrapolation_value = 0;  // tf_crop_and_resize: beyond x
  // Not of ONNX, set when planning: x and y are [N, spatial..., C]; axes, roi, scales and sizes
  // still count N, C, spatial...
  bool channels_last = false;
};

// One axis of x as it is to be resampled.
struct ResizeAxis {
  int64_t in = 0, out = 0;
  double scale = 1;       // not exactly out / in when it came as a scale
  bool by_sizes = false;  // the scale is out / in
  double roi_start = 0, roi_end = 1;

  bool operator==(const ResizeAxis&) const = default;
  bool is_identity() const { return in == out && scale == 1 && roi_start == 0 && roi_end == 1; }
};

using ResizeAxes = SmallVector<ResizeAxis, 5>;

// Every axis of x with its sizes and scale, as the inputs say.
Result<ResizeAxes> resize_axes(const Resize& op, EvalContext& c);

// Which inputs make up every output along one axis: `taps` consecutive entries of `index` (clamped
// into the input) and `weight` each. An index of -1 stands for the extrapolation value.
struct AxisTaps {
  int64_t taps = 1;
  std::vector<int64_t> index;
  std::vector<double> weight;
};
// Requires in > 0, and a valid op. Nearest gives one tap of weight 1.
AxisTaps resize_taps(const Resize& op, const ResizeAxis& axis);

}  // namespace ferry
