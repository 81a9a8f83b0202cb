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
#include <string>
#include <vector>

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

}  // namespace ferry
