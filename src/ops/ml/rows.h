// SPDX-License-Identifier: Apache-2.0
// What the operators of ai.onnx.ml share: an input of numbers read as rows of doubles, class
// labels, and what they do to scores at the end.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/eval.h"
#include "ir/infer.h"

namespace ferry {

inline constexpr TypeSet kMlNumbers = {DType::kFloat32, DType::kFloat64, DType::kInt32,
                                       DType::kInt64};

// A matrix [n, features] in f64; a vector counts as one row.
struct Rows {
  Tensor values;
  int64_t n = 0, features = 0;
  std::span<const double> row(int64_t i) const {
    return {values.data<double>() + i * features, static_cast<size_t>(features)};
  }
};
// Errors: kShapeMismatch for another rank than 1 or 2.
Status check_rows(const Tensor& x);
Result<Rows> read_rows(EvalContext& c, const Tensor& x);
// The number of rows of input i; invalid when not known. Errors: as c.tensor.
Result<Dim> infer_rows(const InferContext& c, size_t i, TypeSet allowed);

enum class PostTransform : uint8_t { kUnchanged, kSoftmax, kLogistic, kSoftmaxZero, kProbit };
// "NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT". Errors: kInvalidModel.
Result<PostTransform> parse_post_transform(const std::string& name);
// Replaces the scores of one row.
void apply_post_transform(PostTransform t, std::span<double> scores);
double logistic(double v);

// Class labels, integers or strings.
struct ClassLabels {
  const std::vector<int64_t>& ints;
  const std::vector<std::string>& strings;

  // Errors: kInvalidModel unless exactly one kind is given.
  Status check() const;
  size_t size() const { return strings.empty() ? ints.size() : strings.size(); }
  DType dtype() const { return strings.empty() ? DType::kInt64 : DType::kString; }
  // Writes label k, or where k is out of range an integer 0 or an empty string.
  void write(Tensor& y, int64_t i, size_t k) const;
};

// What rows become: scores, and of a classifier labels before them.
struct RowResults {
  Tensor labels;
  Tensor scores;
};
// Room for `n` rows of `scores` each; `labels` are of this type, or there are none.
Result<RowResults> row_results(EvalContext& c, std::optional<DType> labels, int64_t n,
                               int64_t scores);

}  // namespace ferry
