// SPDX-License-Identifier: Apache-2.0
// Greedy selection of boxes: by falling score, leaving out those that overlap a selected box of the
// same class by more than iou_threshold.
//   boxes: f32 [B, N, 4] (corners y1 x1 y2 x2, or centre x y width height)   scores: f32 [B, C, N]
//   max_output_boxes_per_class: i64 scalar, 0 when absent   iou_threshold: f32 scalar, 0 when
//   absent score_threshold: f32 scalar; only boxes above it are considered y: i64 [selected, 3]
//   (batch, class, box)
// ONNX NonMaxSuppression-11.
#pragma once

#include <cmath>
#include <cstdint>

#include "ir/eval.h"

namespace ferry {

struct NonMaxSuppression {
  bool center_point_box = false;
};

struct NmsLimits {
  int64_t per_class = 0;
  float iou = 0;
  float score = -INFINITY;
  bool has_score = false;
};
// From the inputs. Errors: kShapeMismatch, where those of boxes and scores do not fit either;
// kInvalidArgument.
Result<NmsLimits> nms_limits(const EvalContext& c);

// Corners in rising order.
struct NmsBox {
  float y0, x0, y1, x1;
};
NmsBox nms_box(const float* p, bool centered);

}  // namespace ferry
