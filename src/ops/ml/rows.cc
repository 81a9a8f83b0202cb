// SPDX-License-Identifier: Apache-2.0
#include "ops/ml/rows.h"

#include <algorithm>
#include <cmath>

#include "ops/in_ranges.h"
#include "ops/tensor/cast_elements.h"

namespace ferry {

Status check_rows(const Tensor& x) {
  if (x.rank() == 1 || x.rank() == 2) return {};
  return shape_mismatch("x is {}, wanted is [n,features] or [features]", x.describe());
}

Result<Rows> read_rows(EvalContext& c, const Tensor& x) {
  FERRY_RETURN_IF_ERROR(check_rows(x));
  Rows rows;
  rows.n = x.rank() == 2 ? x.dim(0) : 1;
  rows.features = x.dims().back();
  if (x.dtype() == DType::kFloat64) {
    rows.values = x;
    return rows;
  }
  FERRY_ASSIGN_OR_RETURN(rows.values, Tensor::allocate(DType::kFloat64, x.dims(), c.budget()));
  const auto part_of = [](const Tensor& t, int64_t begin, int64_t end) {
    const int64_t element = dtype_bits(t.dtype()) / 8;
    return Tensor::borrow(t.dtype(), {end - begin},
                          static_cast<const char*>(t.raw()) + begin * element);
  };
  FERRY_RETURN_IF_ERROR(in_ranges(c, x.count(), 8, [&](int64_t begin, int64_t end) {
    Tensor part = part_of(rows.values, begin, end);
    return cast_elements(part_of(x, begin, end), part, {DType::kFloat64, true, "up"}, c.budget());
  }));
  return rows;
}

Result<Dim> infer_rows(const InferContext& c, size_t i, TypeSet allowed) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(i, allowed, 1, 2));
  if (!x.shape) return Dim::invalid();
  return x.rank() == 2 ? (*x.shape)[0] : Dim(1);
}

Result<PostTransform> parse_post_transform(const std::string& name) {
  if (name == "NONE") return PostTransform::kUnchanged;
  if (name == "SOFTMAX") return PostTransform::kSoftmax;
  if (name == "LOGISTIC") return PostTransform::kLogistic;
  if (name == "SOFTMAX_ZERO") return PostTransform::kSoftmaxZero;
  if (name == "PROBIT") return PostTransform::kProbit;
  return invalid_model("post_transform is '{}'", name);
}

double logistic(double v) { return 1 / (1 + std::exp(-v)); }

namespace {

// An approximation of the inverse error function, the one that all implementations use.
double inverse_erf(double x) {
  const double product = (1 - x) * (1 + x);
  if (product == 0) return 0;
  const double log = std::log(product);
  const double v = 2 / (3.14159265358979323846 * 0.147) + 0.5 * log;
  return std::copysign(std::sqrt(-v + std::sqrt(v * v - log / 0.147)), x);
}

void softmax(std::span<double> scores, bool keep_zeros) {
  const double top = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& v : scores) {
    v = keep_zeros && std::fabs(v) <= 1e-7 ? v * std::exp(-top) : std::exp(v - top);
    sum += v;
  }
  for (double& v : scores) v = sum == 0 ? 0.5 : v / sum;
}

}  // namespace

void apply_post_transform(PostTransform t, std::span<double> scores) {
  if (scores.empty()) return;
  switch (t) {
    case PostTransform::kUnchanged:
      return;
    case PostTransform::kSoftmax:
      return softmax(scores, false);
    case PostTransform::kSoftmaxZero:
      return softmax(scores, true);
    case PostTransform::kLogistic:
      for (double& v : scores) v = logistic(v);
      return;
    case PostTransform::kProbit:
      for (double& v : scores) v = 1.41421356 * inverse_erf(2 * v - 1);
      return;
  }
}

Status ClassLabels::check() const {
  if (ints.empty() != strings.empty()) return {};
  return invalid_model("wanted are either integer or string class labels");
}

void ClassLabels::write(Tensor& y, int64_t i, size_t k) const {
  if (strings.empty())
    y.data<int64_t>()[i] = k < ints.size() ? ints[k] : 0;
  else
    y.data<std::string>()[i] = k < strings.size() ? strings[k] : std::string();
}

Result<RowResults> row_results(EvalContext& c, std::optional<DType> labels, int64_t n,
                               int64_t scores) {
  RowResults y;
  if (labels) {
    FERRY_ASSIGN_OR_RETURN(y.labels, c.output(0, *labels, Dims{n}));
  }
  FERRY_ASSIGN_OR_RETURN(y.scores, c.output(labels ? 1 : 0, DType::kFloat32, Dims{n, scores}));
  return y;
}

}  // namespace ferry
