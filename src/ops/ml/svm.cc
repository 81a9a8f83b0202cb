// SPDX-License-Identifier: Apache-2.0
#include "ops/ml/svm.h"

#include <algorithm>
#include <cmath>

#include "ops/ml/rows.h"
#include "ops/poll_every.h"
#include "ops/registry.h"

namespace ferry {
namespace {

enum class KernelType : uint8_t { kLinear, kPoly, kRbf, kSigmoid };

struct Kernel {
  KernelType type = KernelType::kLinear;
  double gamma = 0, coef0 = 0, degree = 0;

  double operator()(std::span<const double> x, const float* v) const {
    double sum = 0;
    for (size_t k = 0; k < x.size(); ++k) {
      const auto e = static_cast<double>(v[k]);
      sum += type == KernelType::kRbf ? (x[k] - e) * (x[k] - e) : x[k] * e;
    }
    switch (type) {
      case KernelType::kLinear:
        return sum;
      case KernelType::kPoly:
        return std::pow(gamma * sum + coef0, degree);
      case KernelType::kRbf:
        return std::exp(-gamma * sum);
      case KernelType::kSigmoid:
        return std::tanh(gamma * sum + coef0);
    }
    return sum;
  }
};

Result<Kernel> make_kernel(const std::string& type, const std::vector<float>& params) {
  Kernel k;
  if (type == "POLY")
    k.type = KernelType::kPoly;
  else if (type == "RBF")
    k.type = KernelType::kRbf;
  else if (type == "SIGMOID")
    k.type = KernelType::kSigmoid;
  else if (type != "LINEAR")
    return invalid_model("kernel_type is '{}'", type);
  if (params.empty()) return k;
  if (params.size() != 3)
    return invalid_model("kernel_params has {} elements, wanted are 3", params.size());
  k.gamma = static_cast<double>(params[0]);
  k.coef0 = static_cast<double>(params[1]);
  k.degree = std::trunc(static_cast<double>(params[2]));
  return k;
}

Status infer_regressor(const SvmRegressor& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Dim n, infer_rows(c, 0, kMlNumbers));
  FERRY_RETURN_IF_ERROR(make_kernel(op.kernel_type, op.kernel_params).status());
  FERRY_RETURN_IF_ERROR(parse_post_transform(op.post_transform).status());
  c.set_tensor(0, DType::kFloat32, Shape{n, 1});
  return {};
}

Status eval_regressor(const SvmRegressor& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Rows x, read_rows(c, c.input(0)));
  FERRY_ASSIGN_OR_RETURN(Kernel kernel, make_kernel(op.kernel_type, op.kernel_params));
  FERRY_ASSIGN_OR_RETURN(const PostTransform post, parse_post_transform(op.post_transform));
  const bool linear = op.n_supports == 0;
  const auto supports = static_cast<size_t>(linear ? 1 : op.n_supports);
  const auto features = static_cast<size_t>(x.features);
  // Without support vectors the coefficients are the one vector.
  const std::vector<float>& vectors = linear ? op.coefficients : op.support_vectors;
  if (linear) kernel.type = KernelType::kLinear;
  if (op.n_supports < 0 || op.rho.empty() || vectors.size() / supports != features ||
      vectors.size() % supports != 0 || (!linear && op.coefficients.size() < supports)) {
    return shape_mismatch(
        "{} support vectors, {} numbers of them, {} coefficients, {} rho for {} features",
        op.n_supports, op.support_vectors.size(), op.coefficients.size(), op.rho.size(), features);
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kFloat32, Dims{x.n, 1}));
  PollEvery polls(c);
  for (int64_t i = 0; i < x.n; ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(static_cast<int64_t>(supports * (features + 32))));
    double sum = static_cast<double>(op.rho[0]);
    for (size_t j = 0; j < supports; ++j) {
      const double weight = linear ? 1 : static_cast<double>(op.coefficients[j]);
      sum += weight * kernel(x.row(i), vectors.data() + j * features);
    }
    if (op.one_class) sum = sum > 0 ? 1 : -1;
    apply_post_transform(post, {&sum, 1});
    y.data<float>()[i] = static_cast<float>(sum);
  }
  return {};
}

ClassLabels labels_of(const SvmClassifier& op) {
  return {op.classlabels_ints, op.classlabels_strings};
}

// Sizes that follow from the attributes; checked against each other by check_classifier.
struct Layout {
  size_t classes = 0, vectors = 0, pairs = 0;
  std::vector<size_t> first;  // first support vector of each class
  bool has_probabilities = false;
  size_t scores = 0;  // per row, before and after the final transform
  size_t outputs = 0;
};

Result<Layout> layout_of(const SvmClassifier& op) {
  FERRY_RETURN_IF_ERROR(labels_of(op).check());
  Layout l;
  l.classes = labels_of(op).size();
  for (int64_t n : op.vectors_per_class) {
    if (n < 0 || n > (int64_t{1} << 32)) return invalid_model("vectors_per_class has {}", n);
    l.first.push_back(l.vectors);
    l.vectors += static_cast<size_t>(n);
  }
  if (l.classes > 4096) return limit_exceeded("{} classes", l.classes);
  l.pairs = l.classes * (l.classes - 1) / 2;
  l.has_probabilities = !op.prob_a.empty() && l.vectors > 0;
  const bool sized = l.vectors == 0 ? !op.coefficients.empty() &&
                                          op.coefficients.size() % l.classes == 0 && !op.rho.empty()
                                    : l.first.size() == l.classes && op.rho.size() >= l.pairs &&
                                          op.coefficients.size() >= (l.classes - 1) * l.vectors &&
                                          op.support_vectors.size() % l.vectors == 0;
  if (!sized ||
      (l.has_probabilities && (op.prob_a.size() < l.pairs || op.prob_b.size() < l.pairs))) {
    return invalid_model(
        "{} classes, {} support vectors, {} coefficients, {} rho, {} and {} prob do not fit",
        l.classes, l.vectors, op.coefficients.size(), op.rho.size(), op.prob_a.size(),
        op.prob_b.size());
  }
  l.scores = l.has_probabilities || l.vectors == 0 ? l.classes : l.pairs;
  l.outputs = l.scores == 1 && op.post_transform != "PROBIT" && op.rho.size() == 1 && l.classes == 2
                  ? 2
                  : l.scores;
  return l;
}

Status infer_classifier(const SvmClassifier& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Dim n, infer_rows(c, 0, kMlNumbers));
  FERRY_RETURN_IF_ERROR(make_kernel(op.kernel_type, op.kernel_params).status());
  FERRY_RETURN_IF_ERROR(parse_post_transform(op.post_transform).status());
  FERRY_ASSIGN_OR_RETURN(const Layout l, layout_of(op));
  c.set_tensor(0, labels_of(op).dtype(), Shape{n});
  c.set_tensor(1, DType::kFloat32, Shape{n, static_cast<int64_t>(l.outputs)});
  return {};
}

// Decision values of all pairs of classes, and the votes for each class.
void vote(const SvmClassifier& op, const Layout& l, const std::vector<double>& kernels,
          std::vector<double>& pairs, std::vector<double>& votes) {
  size_t pair = 0;
  for (size_t i = 0; i < l.classes; ++i) {
    for (size_t j = i + 1; j < l.classes; ++j, ++pair) {
      double sum = static_cast<double>(op.rho[pair]);
      const auto add = [&](size_t row, size_t of) {
        const auto n = static_cast<size_t>(op.vectors_per_class[of]);
        for (size_t k = l.first[of]; k < l.first[of] + n; ++k) {
          sum += static_cast<double>(op.coefficients[row * l.vectors + k]) * kernels[k];
        }
      };
      add(j - 1, i);
      add(i, j);
      pairs[pair] = sum;
      votes[sum > 0 ? i : j] += 1;
    }
  }
}

// Class probabilities from those of the pairs (Wu, Lin and Weng, 2004, second method).
std::vector<double> couple(const std::vector<double>& r, size_t k) {
  std::vector<double> q(k * k), p(k, 1.0 / static_cast<double>(k)), qp(k);
  for (size_t t = 0; t < k; ++t) {
    for (size_t j = 0; j < k; ++j) {
      if (j == t) continue;
      q[t * k + t] += r[j * k + t] * r[j * k + t];
      q[t * k + j] = -r[j * k + t] * r[t * k + j];
    }
  }
  const double tolerance = 0.005 / static_cast<double>(k);
  for (size_t round = 0; round < std::max<size_t>(100, k); ++round) {
    double total = 0, error = 0;
    for (size_t t = 0; t < k; ++t) {
      qp[t] = 0;
      for (size_t j = 0; j < k; ++j) qp[t] += q[t * k + j] * p[j];
      total += p[t] * qp[t];
    }
    for (size_t t = 0; t < k; ++t) error = std::max(error, std::fabs(qp[t] - total));
    if (error < tolerance) break;
    for (size_t t = 0; t < k; ++t) {
      const double d = (total - qp[t]) / q[t * k + t];
      p[t] += d;
      total = (total + d * (d * q[t * k + t] + 2 * qp[t])) / (1 + d) / (1 + d);
      for (size_t j = 0; j < k; ++j) {
        qp[j] = (qp[j] + d * q[t * k + j]) / (1 + d);
        p[j] /= 1 + d;
      }
    }
  }
  return p;
}

std::vector<double> probabilities(const SvmClassifier& op, const Layout& l,
                                  const std::vector<double>& pairs) {
  std::vector<double> r(l.classes * l.classes);
  size_t pair = 0;
  for (size_t i = 0; i < l.classes; ++i) {
    for (size_t j = i + 1; j < l.classes; ++j, ++pair) {
      const double v = 1 - logistic(pairs[pair] * static_cast<double>(op.prob_a[pair]) +
                                    static_cast<double>(op.prob_b[pair]));
      r[i * l.classes + j] = std::clamp(v, 1e-7, 1 - 1e-7);
      r[j * l.classes + i] = 1 - r[i * l.classes + j];
    }
  }
  return couple(r, l.classes);
}

// One score of two classes as two.
void widen(PostTransform post, std::vector<double>& scores) {
  scores = {-scores[0], scores[0]};
  apply_post_transform(post, scores);
}

Status eval_classifier(const SvmClassifier& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Rows x, read_rows(c, c.input(0)));
  FERRY_ASSIGN_OR_RETURN(Kernel kernel, make_kernel(op.kernel_type, op.kernel_params));
  FERRY_ASSIGN_OR_RETURN(const PostTransform post, parse_post_transform(op.post_transform));
  FERRY_ASSIGN_OR_RETURN(const Layout l, layout_of(op));
  const ClassLabels labels = labels_of(op);
  const bool linear = l.vectors == 0;
  if (linear) kernel.type = KernelType::kLinear;
  const size_t features =
      linear ? op.coefficients.size() / l.classes : op.support_vectors.size() / l.vectors;
  if (features != static_cast<size_t>(x.features)) {
    return shape_mismatch("x has {} features, the machine {}", x.features, features);
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, labels.dtype(), Dims{x.n}));
  FERRY_ASSIGN_OR_RETURN(Tensor z,
                         c.output(1, DType::kFloat32, Dims{x.n, static_cast<int64_t>(l.outputs)}));
  const bool all_positive = *std::min_element(op.coefficients.begin(), op.coefficients.end()) >= 0;
  std::vector<double> kernels(l.vectors);
  for (int64_t i = 0; i < x.n; ++i) {
    FERRY_RETURN_IF_ERROR(c.poll());
    std::vector<double> scores(linear ? l.classes : l.pairs), votes(linear ? 0 : l.classes);
    if (linear) {
      for (size_t k = 0; k < l.classes; ++k) {
        scores[k] = kernel(x.row(i), op.coefficients.data() + k * features) +
                    static_cast<double>(op.rho[0]);
      }
    } else {
      for (size_t k = 0; k < l.vectors; ++k)
        kernels[k] = kernel(x.row(i), op.support_vectors.data() + k * features);
      vote(op, l, kernels, scores, votes);
      if (l.has_probabilities) scores = probabilities(op, l, scores);
    }
    const std::vector<double>& by = votes.empty() ? scores : votes;
    auto best = static_cast<size_t>(std::max_element(by.begin(), by.end()) - by.begin());
    // Positive weights alone cannot vote against: half is the border.
    if (op.rho.size() == 1 && l.classes == 2 && !l.has_probabilities && all_positive &&
        by[best] >= 0.5)
      best = 1;
    labels.write(y, i, best);
    if (l.outputs == 2 && scores.size() == 1)
      widen(post, scores);
    else
      apply_post_transform(post, scores);
    for (size_t k = 0; k < l.outputs; ++k) {
      z.data<float>()[static_cast<size_t>(i) * l.outputs + k] = static_cast<float>(scores[k]);
    }
  }
  return {};
}

}  // namespace

void register_svm(OpRegistry& r) {
  using R = SvmRegressor;
  r.op<R>("ai.onnx.ml.SVMRegressor")
      .since(1)
      .attr("coefficients", &R::coefficients)
      .attr("kernel_params", &R::kernel_params)
      .attr("kernel_type", &R::kernel_type)
      .attr("n_supports", &R::n_supports)
      .attr("one_class", &R::one_class)
      .attr("post_transform", &R::post_transform)
      .attr("rho", &R::rho)
      .attr("support_vectors", &R::support_vectors)
      .infer(infer_regressor)
      .reference(eval_regressor);
  using C = SvmClassifier;
  r.op<C>("ai.onnx.ml.SVMClassifier")
      .since(1)
      .outputs(1, 2)
      .attr("classlabels_ints", &C::classlabels_ints)
      .attr("classlabels_strings", &C::classlabels_strings)
      .attr("coefficients", &C::coefficients)
      .attr("kernel_params", &C::kernel_params)
      .attr("kernel_type", &C::kernel_type)
      .attr("post_transform", &C::post_transform)
      .attr("prob_a", &C::prob_a)
      .attr("prob_b", &C::prob_b)
      .attr("rho", &C::rho)
      .attr("support_vectors", &C::support_vectors)
      .attr("vectors_per_class", &C::vectors_per_class)
      .infer(infer_classifier)
      .reference(eval_classifier);
}

}  // namespace ferry
