// SPDX-License-Identifier: Apache-2.0
// Support vector machines. SVMRegressor: y = sum of coefficient kernel(x, support vector) + rho, or
// its sign for one_class. SVMClassifier: one-against-one votes of libsvm, as probabilities when
// prob_a and prob_b are given, or linear scores when there are no support vectors.
//   x: [n, features] or [features] numbers   y: f32 [n, 1], or labels [n]   z: f32 [n, scores]
// Kernels of kernel_params (gamma, coef0, degree): LINEAR x.v, POLY (gamma x.v + coef0)^degree,
// RBF exp(-gamma |x - v|^2), SIGMOID tanh(gamma x.v + coef0).
// ai.onnx.ml SVMRegressor-1, SVMClassifier-1.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ops/ml/rows.h"

namespace ferry {

struct SvmRegressor {
  std::vector<float> coefficients, kernel_params, rho, support_vectors;
  std::string kernel_type = "LINEAR";
  int64_t n_supports = 0;
  bool one_class = false;
  std::string post_transform = "NONE";
};

struct SvmClassifier {
  std::vector<int64_t> classlabels_ints;
  std::vector<std::string> classlabels_strings;
  std::vector<float> coefficients, kernel_params, prob_a, prob_b, rho, support_vectors;
  std::string kernel_type = "LINEAR";
  std::string post_transform = "NONE";
  std::vector<int64_t> vectors_per_class;
};

enum class SvmKernelType : uint8_t { kLinear, kPoly, kRbf, kSigmoid };
struct SvmKernel {
  SvmKernelType type = SvmKernelType::kLinear;
  double gamma = 0, coef0 = 0, degree = 0;
  // Of the squared distance of x and v for kRbf, else of their product.
  double operator()(double sum) const;
};

// What one of them does with a row, made from its attributes, which it borrows.
struct SvmModel {
  const SvmRegressor* regressor = nullptr;  // one of the two
  const SvmClassifier* classifier = nullptr;
  SvmKernel kernel;
  PostTransform post = PostTransform::kUnchanged;
  bool is_linear = false;  // the coefficients are what x meets, not support vectors
  std::span<const float> vectors;
  int64_t count = 0, features = 0;  // of vectors; -1 features where they do not fit
  int64_t outputs = 1;              // scores of a row
  // Of classifiers.
  size_t classes = 0, pairs = 0;
  std::vector<size_t> first;  // support vector of each class
  bool has_probabilities = false, all_positive = false;

  // Errors: kShapeMismatch.
  Status check_features(int64_t x_features) const;
  // Room for `n` rows.
  Result<RowResults> results(EvalContext& c, int64_t n) const;
  // Row i of them from the kernel's value for each vector.
  void finish(std::span<const double> values, int64_t i, RowResults& y) const;
};
// Errors: kInvalidModel, kLimitExceeded.
Result<SvmModel> make_svm_model(const SvmRegressor& op);
Result<SvmModel> make_svm_model(const SvmClassifier& op);

inline ClassLabels labels_of(const SvmClassifier& op) {
  return {op.classlabels_ints, op.classlabels_strings};
}

}  // namespace ferry
