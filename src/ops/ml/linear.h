// SPDX-License-Identifier: Apache-2.0
// LinearRegressor: y = x coefficients' + intercepts. LinearClassifier: the same as scores z of the
// classes, and the label y of the largest; one score for two classes stands for (-z, z).
//   x: [n, features] or [features] numbers   y: [n, targets], or labels [n]   z: f32 [n, classes]
// ai.onnx.ml LinearRegressor-1, LinearClassifier-1.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ops/ml/rows.h"

namespace ferry {

struct LinearRegressor {
  std::vector<float> coefficients;  // [targets, features]
  std::vector<float> intercepts;    // [targets], or empty
  std::string post_transform = "NONE";
  int64_t targets = 1;
};

struct LinearClassifier {
  std::vector<int64_t> classlabels_ints;
  std::vector<std::string> classlabels_strings;
  std::vector<float> coefficients;  // [scores, features]
  std::vector<float> intercepts;
  int64_t multi_class = 0;  // no effect
  std::string post_transform = "NONE";
};

// What one of them does with a row, made from its attributes, which it borrows.
struct LinearModel {
  std::span<const float> coefficients, intercepts;
  PostTransform post = PostTransform::kUnchanged;
  const LinearClassifier* classifier = nullptr;
  int64_t targets = 0;  // scores of a row, classes

  // The sums of a row: one for two classes, else one for each target. Errors: kShapeMismatch.
  Result<int64_t> sums(int64_t features) const;
  // Room for `n` rows.
  Result<RowResults> results(EvalContext& c, int64_t n) const;
  // Row i of them from its sums, which it overwrites; or from its scores, one per target.
  void finish(std::span<double> sums, int64_t i, RowResults& y) const;
  void write(std::span<const double> scores, int64_t i, RowResults& y) const;
};
// Errors: kInvalidModel.
Result<LinearModel> make_linear_model(const LinearRegressor& op);
Result<LinearModel> make_linear_model(const LinearClassifier& op);

}  // namespace ferry
