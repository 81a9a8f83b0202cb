// SPDX-License-Identifier: Apache-2.0
#include "ops/ml/linear.h"

#include <algorithm>

#include "ops/ml/rows.h"
#include "ops/poll_every.h"
#include "ops/registry.h"

namespace ferry {
namespace {

// The number of outputs of the linear map for rows of `features`.
Result<int64_t> map_outputs(const std::vector<float>& coefficients,
                            const std::vector<float>& intercepts, int64_t features) {
  const auto total = static_cast<int64_t>(coefficients.size());
  if (features == 0 || total == 0 || total % features != 0) {
    return shape_mismatch("{} coefficients for {} features", total, features);
  }
  const int64_t n = total / features;
  if (!intercepts.empty() && static_cast<int64_t>(intercepts.size()) != n) {
    return shape_mismatch("{} intercepts for {} outputs", intercepts.size(), n);
  }
  return n;
}

void linear_map(const std::vector<float>& coefficients, const std::vector<float>& intercepts,
                std::span<const double> x, std::vector<double>& y) {
  for (size_t j = 0; j < y.size(); ++j) {
    double sum = intercepts.empty() ? 0 : static_cast<double>(intercepts[j]);
    for (size_t k = 0; k < x.size(); ++k) {
      sum += x[k] * static_cast<double>(coefficients[j * x.size() + k]);
    }
    y[j] = sum;
  }
}

Status infer_regressor(const LinearRegressor& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Dim n, infer_rows(c, 0, kMlNumbers));
  FERRY_RETURN_IF_ERROR(parse_post_transform(op.post_transform).status());
  if (op.targets < 1) return invalid_model("targets is {}", op.targets);
  c.set_tensor(0, DType::kFloat32, Shape{n, op.targets});
  return {};
}

Status eval_regressor(const LinearRegressor& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Rows x, read_rows(c, c.input(0)));
  FERRY_ASSIGN_OR_RETURN(const int64_t outputs,
                         map_outputs(op.coefficients, op.intercepts, x.features));
  FERRY_ASSIGN_OR_RETURN(const PostTransform post, parse_post_transform(op.post_transform));
  if (outputs != op.targets) {
    return shape_mismatch("{} coefficients for {} targets of {} features", op.coefficients.size(),
                          op.targets, x.features);
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kFloat32, Dims{x.n, outputs}));
  std::vector<double> scores(static_cast<size_t>(outputs));
  PollEvery polls(c);
  for (int64_t i = 0; i < x.n; ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(64 + outputs * (16 + x.features)));
    linear_map(op.coefficients, op.intercepts, x.row(i), scores);
    apply_post_transform(post, scores);
    std::transform(scores.begin(), scores.end(), y.data<float>() + i * outputs,
                   [](double v) { return static_cast<float>(v); });
  }
  return {};
}

ClassLabels labels_of(const LinearClassifier& op) {
  return {op.classlabels_ints, op.classlabels_strings};
}

Status infer_classifier(const LinearClassifier& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Dim n, infer_rows(c, 0, kMlNumbers));
  FERRY_RETURN_IF_ERROR(parse_post_transform(op.post_transform).status());
  const ClassLabels labels = labels_of(op);
  FERRY_RETURN_IF_ERROR(labels.check());
  c.set_tensor(0, labels.dtype(), Shape{n});
  c.set_tensor(1, DType::kFloat32, Shape{n, static_cast<int64_t>(labels.size())});
  return {};
}

Status eval_classifier(const LinearClassifier& op, EvalContext& c) {
  const ClassLabels labels = labels_of(op);
  FERRY_ASSIGN_OR_RETURN(const Rows x, read_rows(c, c.input(0)));
  FERRY_ASSIGN_OR_RETURN(const int64_t outputs,
                         map_outputs(op.coefficients, op.intercepts, x.features));
  FERRY_ASSIGN_OR_RETURN(const PostTransform post, parse_post_transform(op.post_transform));
  const auto classes = static_cast<int64_t>(labels.size());
  const bool two_of_one = outputs == 1 && classes == 2;
  if (!two_of_one && outputs != classes) {
    return shape_mismatch("{} scores for {} classes", outputs, classes);
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, labels.dtype(), Dims{x.n}));
  FERRY_ASSIGN_OR_RETURN(Tensor z, c.output(1, DType::kFloat32, Dims{x.n, classes}));
  std::vector<double> scores;
  PollEvery polls(c);
  for (int64_t i = 0; i < x.n; ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(64 + outputs * (16 + x.features)));
    scores.assign(static_cast<size_t>(outputs), 0);
    linear_map(op.coefficients, op.intercepts, x.row(i), scores);
    if (two_of_one) scores = {-scores[0], scores[0]};
    apply_post_transform(post, scores);
    auto best =
        static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
    // One class: the label when the score says so, else none.
    if (classes == 1) best = scores[0] >= (post == PostTransform::kUnchanged ? 0.0 : 0.5) ? 0 : 1;
    labels.write(y, i, best);
    std::transform(scores.begin(), scores.end(), z.data<float>() + i * classes,
                   [](double v) { return static_cast<float>(v); });
  }
  return {};
}

}  // namespace

void register_linear(OpRegistry& r) {
  using R = LinearRegressor;
  r.op<R>("ai.onnx.ml.LinearRegressor")
      .since(1)
      .attr("coefficients", &R::coefficients)
      .attr("intercepts", &R::intercepts)
      .attr("post_transform", &R::post_transform)
      .attr("targets", &R::targets)
      .infer(infer_regressor)
      .reference(eval_regressor);
  using C = LinearClassifier;
  r.op<C>("ai.onnx.ml.LinearClassifier")
      .since(1)
      .outputs(1, 2)
      .attr("classlabels_ints", &C::classlabels_ints)
      .attr("classlabels_strings", &C::classlabels_strings)
      .required("coefficients", &C::coefficients)
      .attr("intercepts", &C::intercepts)
      .attr("multi_class", &C::multi_class)
      .attr("post_transform", &C::post_transform)
      .infer(infer_classifier)
      .reference(eval_classifier);
}

}  // namespace ferry
