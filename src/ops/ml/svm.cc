// SPDX-License-Identifier: Apache-2.0
#include "ops/ml/svm.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/poll_every.h"
#include "ops/registry.h"

namespace ferry {

double SvmKernel::operator()(double sum) const {
  switch (type) {
    case SvmKernelType::kLinear:
      return sum;
    case SvmKernelType::kPoly:
      return std::pow(gamma * sum + coef0, degree);
    case SvmKernelType::kRbf:
      return std::exp(-gamma * sum);
    case SvmKernelType::kSigmoid:
      return std::tanh(gamma * sum + coef0);
  }
  return sum;
}

namespace {

Result<SvmKernel> make_kernel(const std::string& type, const std::vector<float>& params) {
  SvmKernel k;
  if (type == "POLY")
    k.type = SvmKernelType::kPoly;
  else if (type == "RBF")
    k.type = SvmKernelType::kRbf;
  else if (type == "SIGMOID")
    k.type = SvmKernelType::kSigmoid;
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

// What both kinds have in common.
template <class Op>
Result<SvmModel> make_model(const Op& op, bool is_linear) {
  SvmModel m;
  m.is_linear = is_linear;
  FERRY_ASSIGN_OR_RETURN(m.kernel, make_kernel(op.kernel_type, op.kernel_params));
  FERRY_ASSIGN_OR_RETURN(m.post, parse_post_transform(op.post_transform));
  if (is_linear) m.kernel.type = SvmKernelType::kLinear;
  m.vectors = is_linear ? op.coefficients : op.support_vectors;
  return m;
}

}  // namespace

Result<SvmModel> make_svm_model(const SvmRegressor& op) {
  FERRY_ASSIGN_OR_RETURN(SvmModel m, make_model(op, op.n_supports == 0));
  m.regressor = &op;
  m.count = m.is_linear ? 1 : op.n_supports;
  const auto size = static_cast<int64_t>(m.vectors.size());
  const bool fits = m.count > 0 && size % m.count == 0 && !op.rho.empty() &&
                    (m.is_linear || static_cast<int64_t>(op.coefficients.size()) >= m.count);
  m.features = fits ? size / m.count : -1;
  return m;
}

Result<SvmModel> make_svm_model(const SvmClassifier& op) {
  FERRY_RETURN_IF_ERROR(labels_of(op).check());
  std::vector<size_t> first;
  size_t vectors = 0;
  for (int64_t n : op.vectors_per_class) {
    if (n < 0 || n > (int64_t{1} << 32)) return invalid_model("vectors_per_class has {}", n);
    first.push_back(vectors);
    vectors += static_cast<size_t>(n);
  }
  FERRY_ASSIGN_OR_RETURN(SvmModel m, make_model(op, vectors == 0));
  m.classifier = &op;
  m.first = std::move(first);
  m.classes = labels_of(op).size();
  if (m.classes > 4096) return limit_exceeded("{} classes", m.classes);
  m.pairs = m.classes * (m.classes - 1) / 2;
  m.has_probabilities = !op.prob_a.empty() && !m.is_linear;
  const bool sized = m.is_linear ? !op.coefficients.empty() &&
                                       op.coefficients.size() % m.classes == 0 && !op.rho.empty()
                                 : m.first.size() == m.classes && op.rho.size() >= m.pairs &&
                                       op.coefficients.size() >= (m.classes - 1) * vectors &&
                                       op.support_vectors.size() % vectors == 0;
  if (!sized ||
      (m.has_probabilities && (op.prob_a.size() < m.pairs || op.prob_b.size() < m.pairs))) {
    return invalid_model(
        "{} classes, {} support vectors, {} coefficients, {} rho, {} and {} prob do not fit",
        m.classes, vectors, op.coefficients.size(), op.rho.size(), op.prob_a.size(),
        op.prob_b.size());
  }
  m.count = static_cast<int64_t>(m.is_linear ? m.classes : vectors);
  m.features = static_cast<int64_t>(m.vectors.size()) / m.count;
  m.all_positive =
      std::all_of(op.coefficients.begin(), op.coefficients.end(), [](float v) { return v >= 0; });
  const size_t scores = m.has_probabilities || m.is_linear ? m.classes : m.pairs;
  const bool widened =
      scores == 1 && op.post_transform != "PROBIT" && op.rho.size() == 1 && m.classes == 2;
  m.outputs = widened ? 2 : static_cast<int64_t>(scores);
  return m;
}

Status SvmModel::check_features(int64_t x_features) const {
  if (features == x_features) return {};
  if (classifier != nullptr) {
    return shape_mismatch("x has {} features, the machine {}", x_features, features);
  }
  return shape_mismatch(
      "{} support vectors, {} numbers of them, {} coefficients, {} rho for {} features",
      regressor->n_supports, regressor->support_vectors.size(), regressor->coefficients.size(),
      regressor->rho.size(), x_features);
}

namespace {

// Decision values of all pairs of classes, and the votes for each class.
void vote(const SvmModel& m, std::span<const double> kernels, std::vector<double>& pairs,
          std::vector<double>& votes) {
  const SvmClassifier& op = *m.classifier;
  size_t pair = 0;
  for (size_t i = 0; i < m.classes; ++i) {
    for (size_t j = i + 1; j < m.classes; ++j, ++pair) {
      // Four sums that do not wait for each other.
      std::array<double, 4> sums = {static_cast<double>(op.rho[pair])};
      const auto add = [&](size_t row, size_t of) {
        const float* c = op.coefficients.data() + row * kernels.size();
        const size_t begin = m.first[of];
        const size_t end = begin + static_cast<size_t>(op.vectors_per_class[of]);
        for (size_t k = begin; k < end; ++k) {
          sums[(k - begin) % 4] += static_cast<double>(c[k]) * kernels[k];
        }
      };
      add(j - 1, i);
      add(i, j);
      const double sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
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

std::vector<double> probabilities(const SvmModel& m, const std::vector<double>& pairs) {
  const SvmClassifier& op = *m.classifier;
  std::vector<double> r(m.classes * m.classes);
  size_t pair = 0;
  for (size_t i = 0; i < m.classes; ++i) {
    for (size_t j = i + 1; j < m.classes; ++j, ++pair) {
      const double v = 1 - logistic(pairs[pair] * static_cast<double>(op.prob_a[pair]) +
                                    static_cast<double>(op.prob_b[pair]));
      r[i * m.classes + j] = std::clamp(v, 1e-7, 1 - 1e-7);
      r[j * m.classes + i] = 1 - r[i * m.classes + j];
    }
  }
  return couple(r, m.classes);
}

double regress(const SvmModel& m, std::span<const double> kernels) {
  const SvmRegressor& op = *m.regressor;
  double sum = static_cast<double>(op.rho[0]);
  for (size_t j = 0; j < kernels.size(); ++j) {
    sum += (m.is_linear ? 1 : static_cast<double>(op.coefficients[j])) * kernels[j];
  }
  return op.one_class ? (sum > 0 ? 1 : -1) : sum;
}

// The scores before the final transform; the class that wins.
size_t classify(const SvmModel& m, std::span<const double> kernels, std::vector<double>& scores) {
  const SvmClassifier& op = *m.classifier;
  std::vector<double> votes(m.is_linear ? 0 : m.classes);
  scores.resize(m.is_linear ? m.classes : m.pairs);
  if (m.is_linear) {
    for (size_t k = 0; k < m.classes; ++k) {
      scores[k] = kernels[k] + static_cast<double>(op.rho[0]);
    }
  } else {
    vote(m, kernels, scores, votes);
    if (m.has_probabilities) scores = probabilities(m, scores);
  }
  const std::vector<double>& by = m.is_linear ? scores : votes;
  const auto best = static_cast<size_t>(std::max_element(by.begin(), by.end()) - by.begin());
  // Positive weights alone cannot vote against: half is the border.
  const bool second = op.rho.size() == 1 && m.classes == 2 && !m.has_probabilities &&
                      m.all_positive && by[best] >= 0.5;
  return second ? 1 : best;
}

}  // namespace

Result<RowResults> SvmModel::results(EvalContext& c, int64_t n) const {
  std::optional<DType> labels;
  if (classifier != nullptr) labels = labels_of(*classifier).dtype();
  return row_results(c, labels, n, outputs);
}

void SvmModel::finish(std::span<const double> values, int64_t i, RowResults& y) const {
  std::vector<double> row(1);
  if (regressor != nullptr) {
    row[0] = regress(*this, values);
  } else {
    labels_of(*classifier).write(y.labels, i, classify(*this, values, row));
    // One score of two classes as two.
    if (outputs == 2 && row.size() == 1) row = {-row[0], row[0]};
  }
  apply_post_transform(post, row);
  float* to = y.scores.data<float>() + i * outputs;
  for (double v : row) *to++ = static_cast<float>(v);
}

namespace {

Status infer_regressor(const SvmRegressor& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Dim n, infer_rows(c, 0, kMlNumbers));
  FERRY_RETURN_IF_ERROR(make_svm_model(op).status());
  c.set_tensor(0, DType::kFloat32, Shape{n, 1});
  return {};
}

Status infer_classifier(const SvmClassifier& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Dim n, infer_rows(c, 0, kMlNumbers));
  FERRY_ASSIGN_OR_RETURN(const SvmModel m, make_svm_model(op));
  c.set_tensor(0, labels_of(op).dtype(), Shape{n});
  c.set_tensor(1, DType::kFloat32, Shape{n, m.outputs});
  return {};
}

template <class Op>
Status eval(const Op& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Rows x, read_rows(c, c.input(0)));
  FERRY_ASSIGN_OR_RETURN(const SvmModel m, make_svm_model(op));
  FERRY_RETURN_IF_ERROR(m.check_features(x.features));
  FERRY_ASSIGN_OR_RETURN(RowResults y, m.results(c, x.n));
  std::vector<double> values(static_cast<size_t>(m.count));
  PollEvery polls(c);
  for (int64_t i = 0; i < x.n; ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(m.count * (m.features + 32)));
    const float* v = m.vectors.data();
    for (double& value : values) {
      double sum = 0;
      for (double e : x.row(i)) {
        const auto w = static_cast<double>(*v++);
        sum += m.kernel.type == SvmKernelType::kRbf ? (e - w) * (e - w) : e * w;
      }
      value = m.kernel(sum);
    }
    m.finish(values, i, y);
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
      .reference(eval<R>);
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
      .reference(eval<C>);
}

}  // namespace ferry
