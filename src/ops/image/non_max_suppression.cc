// SPDX-License-Identifier: Apache-2.0
#include "ops/image/non_max_suppression.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/arguments.h"
#include "ops/polled_sort.h"
#include "ops/registry.h"

namespace ferry {
namespace {

using Nms = NonMaxSuppression;

Status infer(const Nms&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type boxes, c.tensor(0, {DType::kFloat32}, 3, 3));
  FERRY_ASSIGN_OR_RETURN(const Type scores, c.tensor(1, {DType::kFloat32}, 3, 3));
  if (boxes.has_rank() && scores.has_rank()) {
    const Shape &b = *boxes.shape, &s = *scores.shape;
    if (Dim::known_different(b[2], 4) || Dim::known_different(b[0], s[0]) ||
        Dim::known_different(b[1], s[2])) {
      return shape_mismatch("boxes is {} and scores {}, wanted are [B,N,4] and [B,C,N]",
                            boxes.to_string(), scores.to_string());
    }
  }
  if (c.has_input(2)) FERRY_RETURN_IF_ERROR(c.tensor(2, {DType::kInt64}, 0, 1).status());
  for (size_t i = 3; i < 5; ++i) {
    if (c.has_input(i)) FERRY_RETURN_IF_ERROR(c.tensor(i, {DType::kFloat32}, 0, 1).status());
  }
  c.set_tensor(0, DType::kInt64, Shape{c.fresh_dim(0, 0), 3});
  return {};
}

float area(const NmsBox& b) { return (b.y1 - b.y0) * (b.x1 - b.x0); }

bool overlap(const NmsBox& a, const NmsBox& b, float threshold) {
  const float height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  const float width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  if (!(height > 0) || !(width > 0)) return false;
  const float shared = height * width;
  const float area_a = area(a), area_b = area(b), together = area_a + area_b - shared;
  if (!(area_a > 0) || !(area_b > 0) || !(together > 0)) return false;
  return shared / together > threshold;
}

// Appends the selected boxes of one class to `chosen`.
Status select(const std::vector<NmsBox>& boxes, const float* scores, const NmsLimits& limits,
              std::vector<int64_t>& order, std::vector<int64_t>& chosen, EvalContext& c) {
  order.clear();
  for (size_t i = 0; i < boxes.size(); ++i) {
    if (std::isnan(scores[i]) || (limits.has_score && !(scores[i] > limits.score))) continue;
    order.push_back(static_cast<int64_t>(i));
  }
  FERRY_RETURN_IF_ERROR(polled_stable_sort(
      c, std::span(order), 8, [&](int64_t a, int64_t b) { return scores[a] > scores[b]; }));
  PollEvery polls(c);
  for (int64_t candidate : order) {
    if (static_cast<int64_t>(chosen.size()) >= limits.per_class) break;
    FERRY_RETURN_IF_ERROR(polls.spend(16 + 8 * static_cast<int64_t>(chosen.size())));
    const bool suppressed = std::any_of(chosen.begin(), chosen.end(), [&](int64_t other) {
      return overlap(boxes[size_t(candidate)], boxes[size_t(other)], limits.iou);
    });
    if (!suppressed) chosen.push_back(candidate);
  }
  return {};
}

Status eval(const Nms& op, EvalContext& c) {
  const Tensor &boxes = c.input(0), &scores = c.input(1);
  FERRY_ASSIGN_OR_RETURN(const NmsLimits limits, nms_limits(c));
  const int64_t n = boxes.dim(1), classes = scores.dim(1);
  const bool any = limits.per_class > 0 && boxes.count() > 0 && scores.count() > 0;
  std::vector<NmsBox> batch_boxes(any ? static_cast<size_t>(n) : 0);
  std::vector<int64_t> order, chosen, rows;
  PollEvery polls(c);
  for (int64_t b = 0; b < boxes.dim(0) && any; ++b) {
    for (int64_t i = 0; i < n; ++i) {
      FERRY_RETURN_IF_ERROR(polls.spend(16));
      batch_boxes[size_t(i)] = nms_box(boxes.data<float>() + (b * n + i) * 4, op.center_point_box);
    }
    for (int64_t k = 0; k < classes; ++k) {
      chosen.clear();
      FERRY_RETURN_IF_ERROR(select(batch_boxes, scores.data<float>() + (b * classes + k) * n,
                                   limits, order, chosen, c));
      for (int64_t i : chosen) rows.insert(rows.end(), {b, k, i});
    }
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y,
                         c.output(0, DType::kInt64, {static_cast<int64_t>(rows.size() / 3), 3}));
  std::copy(rows.begin(), rows.end(), y.data<int64_t>());
  return {};
}

}  // namespace

Result<NmsLimits> nms_limits(const EvalContext& c) {
  const Tensor &boxes = c.input(0), &scores = c.input(1);
  if (boxes.rank() != 3 || scores.rank() != 3 || boxes.dim(2) != 4 ||
      boxes.dim(0) != scores.dim(0) || boxes.dim(1) != scores.dim(2)) {
    return shape_mismatch("boxes is {} and scores {}, wanted are [B,N,4] and [B,C,N]",
                          boxes.describe(), scores.describe());
  }
  NmsLimits l;
  for (size_t i = 2; i < 5; ++i) {
    if (c.has_input(i) && c.input(i).count() != 1) {
      return shape_mismatch("input {} is {}, wanted is a scalar", i, c.input(i).describe());
    }
  }
  if (c.has_input(2)) l.per_class = std::max<int64_t>(0, c.input(2).data<int64_t>()[0]);
  if (c.has_input(3)) l.iou = c.input(3).data<float>()[0];
  if (c.has_input(4)) {
    l.score = c.input(4).data<float>()[0];
    l.has_score = true;
  }
  if (!(l.iou >= 0 && l.iou <= 1)) {
    return invalid_argument("iou_threshold is {}, wanted is 0 to 1", l.iou);
  }
  return l;
}

NmsBox nms_box(const float* p, bool centered) {
  if (centered) {
    return {p[1] - p[3] / 2, p[0] - p[2] / 2, p[1] + p[3] / 2, p[0] + p[2] / 2};
  }
  return {std::min(p[0], p[2]), std::min(p[1], p[3]), std::max(p[0], p[2]), std::max(p[1], p[3])};
}

void register_non_max_suppression(OpRegistry& r) {
  r.op<Nms>("NonMaxSuppression")
      .since(11)
      .inputs(2, 5)
      .attr("center_point_box", &Nms::center_point_box)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
