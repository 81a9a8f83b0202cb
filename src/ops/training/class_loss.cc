// SPDX-License-Identifier: Apache-2.0
#include "ops/training/class_loss.h"

#include <algorithm>
#include <cmath>

#include "ops/arguments.h"
#include "ops/in_pieces.h"
#include "ops/registry.h"
#include "tensor/better_known.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status check_labels(const Shape& x, const Shape& labels) {
  bool fits = x.size() >= 2 && labels.size() == x.size() - 1;
  for (size_t a = 0; fits && a < labels.size(); ++a) {
    fits = !Dim::known_different(labels[a], x[a == 0 ? 0 : a + 1]);
  }
  if (fits) return {};
  return shape_mismatch("labels {} do not fit x {}", to_string(labels), to_string(x));
}

Status infer(const ClassLoss& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, types::kFloating, 2));
  FERRY_ASSIGN_OR_RETURN(const Type labels, c.tensor(1, types::kIndices, 1));
  if (op.reduction != "none" && op.reduction != "sum" && op.reduction != "mean") {
    return invalid_model("reduction is '{}', wanted is none, sum or mean", op.reduction);
  }
  if (x.shape && labels.shape) FERRY_RETURN_IF_ERROR(check_labels(*x.shape, *labels.shape));
  if (c.has_input(2)) {
    FERRY_ASSIGN_OR_RETURN(const Type weights, c.tensor(2, types::kFloating, 1, 1));
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, 2));
    if (x.shape && weights.shape && Dim::known_different((*weights.shape)[0], (*x.shape)[1])) {
      return shape_mismatch("weights {} for the classes of x {}", weights.to_string(),
                            x.to_string());
    }
  }
  std::optional<Shape> y = op.reduction == "none" ? labels.shape : Shape{};
  for (size_t a = 0; y && x.shape && a < y->size(); ++a) {
    (*y)[a] = better_known((*y)[a], (*x.shape)[a == 0 ? 0 : a + 1]);
  }
  c.set_tensor(0, x.dtype, std::move(y));
  if (op.softmax) c.set_type(1, x);
  return {};
}

// The scores of one place: `n` of them, `stride` apart.
template <class T>
struct Scores {
  const T* x;
  int64_t n, stride;
  double operator[](int64_t k) const {
    return static_cast<double>(static_cast<compute_t<T>>(x[k * stride]));
  }
};

// What is to be subtracted from the scores for their logarithms as probabilities.
template <class T>
Result<double> log_sum_exp(PollEvery& polls, const Scores<T>& scores) {
  double top = -INFINITY, sum = 0;
  FERRY_RETURN_IF_ERROR(in_pieces(polls, scores.n, 2, [&](int64_t from, int64_t to) {
    for (int64_t k = from; k < to; ++k) top = std::max(top, scores[k]);
  }));
  FERRY_RETURN_IF_ERROR(in_pieces(polls, scores.n, 32, [&](int64_t from, int64_t to) {
    for (int64_t k = from; k < to; ++k) sum += std::exp(scores[k] - top);
  }));
  return top + std::log(sum);
}

template <class T>
Status run(const ClassLoss& op, EvalContext& c) {
  const Tensor &x = c.input(0), &labels = c.input(1);
  const T* weights = c.has_input(2) ? c.input(2).data<T>() : nullptr;
  const int64_t classes = x.dim(1), inner = x.dims().count(2, x.rank());
  const bool none = op.reduction == "none";
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), none ? labels.dims() : Dims()));
  T* log_prob = nullptr;
  if (op.softmax && c.has_output(1)) {
    FERRY_ASSIGN_OR_RETURN(Tensor t, c.output(1, x.dtype(), x.dims()));
    log_prob = t.data<T>();
  }
  const IndexReader read(labels);
  double sum = 0, weight_sum = 0;
  PollEvery polls(c);
  for (int64_t i = 0; i < labels.count(); ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(64));
    const int64_t first = i / inner * classes * inner + i % inner;
    const Scores<T> scores{x.data<T>() + first, classes, inner};
    double log_sum = 0;
    if (op.softmax) {
      FERRY_ASSIGN_OR_RETURN(log_sum, log_sum_exp(polls, scores));
    }
    if (log_prob != nullptr) {
      FERRY_RETURN_IF_ERROR(in_pieces(polls, classes, 2, [&](int64_t from, int64_t to) {
        for (int64_t k = from; k < to; ++k) {
          log_prob[first + k * inner] = T(static_cast<compute_t<T>>(scores[k] - log_sum));
        }
      }));
    }
    const int64_t label = read[i];
    double loss = 0, weight = 0;
    if (!op.ignore_index || label != *op.ignore_index) {
      if (label < 0 || label >= classes) {
        return invalid_argument("label {} outside [0, {})", label, classes);
      }
      weight =
          weights == nullptr ? 1 : static_cast<double>(static_cast<compute_t<T>>(weights[label]));
      loss = -(op.softmax ? scores[label] - log_sum : scores[label]) * weight;
    }
    if (none) y.data<T>()[i] = T(static_cast<compute_t<T>>(loss));
    sum += loss;
    weight_sum += weight;
  }
  if (!none) {
    const double reduced = op.reduction == "sum" ? sum : sum / weight_sum;
    *y.data<T>() = T(static_cast<compute_t<T>>(reduced));
  }
  return {};
}

Status eval(const ClassLoss& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_RETURN_IF_ERROR(check_labels(shape_of(x.dims()), shape_of(c.input(1).dims())));
  if (c.has_input(2) && c.input(2).count() != x.dim(1)) {
    return shape_mismatch("weights {} for the classes of x {}", c.input(2).describe(),
                          x.describe());
  }
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) { return run<T>(op, c); });
}

}  // namespace

void register_class_loss(OpRegistry& r) {
  for (const bool softmax : {false, true}) {
    ClassLoss defaults;
    defaults.softmax = softmax;
    r.op<ClassLoss>(softmax ? "SoftmaxCrossEntropyLoss" : "NegativeLogLikelihoodLoss", defaults)
        .since(softmax ? 13 : 22)
        .inputs(2, 3)
        .outputs(1, softmax ? 2 : 1)
        .attr("ignore_index", &ClassLoss::ignore_index)
        .attr("reduction", &ClassLoss::reduction)
        .infer(infer)
        .reference(eval);
  }
}

}  // namespace ferry
