// SPDX-License-Identifier: Apache-2.0
#include "ops/ml/linear.h"

#include <algorithm>
#include <array>

#include "ops/poll_every.h"
#include "ops/registry.h"

namespace ferry {
namespace {

ClassLabels labels_of(const LinearClassifier& op) {
  return {op.classlabels_ints, op.classlabels_strings};
}

}  // namespace

Result<LinearModel> make_linear_model(const LinearRegressor& op) {
  if (op.targets < 1) return invalid_model("targets is {}", op.targets);
  LinearModel m{op.coefficients, op.intercepts};
  FERRY_ASSIGN_OR_RETURN(m.post, parse_post_transform(op.post_transform));
  m.targets = op.targets;
  return m;
}

Result<LinearModel> make_linear_model(const LinearClassifier& op) {
  FERRY_RETURN_IF_ERROR(labels_of(op).check());
  LinearModel m{op.coefficients, op.intercepts};
  FERRY_ASSIGN_OR_RETURN(m.post, parse_post_transform(op.post_transform));
  m.classifier = &op;
  m.targets = static_cast<int64_t>(labels_of(op).size());
  return m;
}

Result<int64_t> LinearModel::sums(int64_t features) const {
  const auto total = static_cast<int64_t>(coefficients.size());
  if (features == 0 || total == 0 || total % features != 0) {
    return shape_mismatch("{} coefficients for {} features", total, features);
  }
  const int64_t n = total / features;
  if (!intercepts.empty() && static_cast<int64_t>(intercepts.size()) != n) {
    return shape_mismatch("{} intercepts for {} outputs", intercepts.size(), n);
  }
  if (n == targets || (classifier != nullptr && n == 1 && targets == 2)) return n;
  if (classifier != nullptr) return shape_mismatch("{} scores for {} classes", n, targets);
  return shape_mismatch("{} coefficients for {} targets of {} features", total, targets, features);
}

Result<RowResults> LinearModel::results(EvalContext& c, int64_t n) const {
  std::optional<DType> labels;
  if (classifier != nullptr) labels = labels_of(*classifier).dtype();
  return row_results(c, labels, n, targets);
}

void LinearModel::finish(std::span<double> sums, int64_t i, RowResults& y) const {
  std::array<double, 2> two;
  std::span<double> scores = sums;
  if (static_cast<int64_t>(sums.size()) < targets) {
    two = {-sums[0], sums[0]};
    scores = two;
  }
  apply_post_transform(post, scores);
  write(scores, i, y);
}

void LinearModel::write(std::span<const double> scores, int64_t i, RowResults& y) const {
  if (classifier != nullptr) {
    auto best =
        static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
    // One class: the label when the score says so, else none.
    if (targets == 1) best = scores[0] >= (post == PostTransform::kUnchanged ? 0.0 : 0.5) ? 0 : 1;
    labels_of(*classifier).write(y.labels, i, best);
  }
  std::transform(scores.begin(), scores.end(), y.scores.data<float>() + i * targets,
                 [](double v) { return static_cast<float>(v); });
}

namespace {

Status infer_regressor(const LinearRegressor& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Dim n, infer_rows(c, 0, kMlNumbers));
  FERRY_RETURN_IF_ERROR(make_linear_model(op).status());
  c.set_tensor(0, DType::kFloat32, Shape{n, op.targets});
  return {};
}

Status infer_classifier(const LinearClassifier& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Dim n, infer_rows(c, 0, kMlNumbers));
  FERRY_ASSIGN_OR_RETURN(const LinearModel m, make_linear_model(op));
  c.set_tensor(0, labels_of(op).dtype(), Shape{n});
  c.set_tensor(1, DType::kFloat32, Shape{n, m.targets});
  return {};
}

template <class Op>
Status eval(const Op& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Rows x, read_rows(c, c.input(0)));
  FERRY_ASSIGN_OR_RETURN(const LinearModel m, make_linear_model(op));
  FERRY_ASSIGN_OR_RETURN(const int64_t n, m.sums(x.features));
  FERRY_ASSIGN_OR_RETURN(RowResults y, m.results(c, x.n));
  std::vector<double> sums(static_cast<size_t>(n));
  PollEvery polls(c);
  for (int64_t i = 0; i < x.n; ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(64 + n * (16 + x.features)));
    const float* v = m.coefficients.data();
    for (size_t j = 0; j < sums.size(); ++j) {
      sums[j] = m.intercepts.empty() ? 0 : static_cast<double>(m.intercepts[j]);
      for (double e : x.row(i)) sums[j] += e * static_cast<double>(*v++);
    }
    m.finish(sums, i, y);
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
      .reference(eval<R>);
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
      .reference(eval<C>);
}

}  // namespace ferry
