// SPDX-License-Identifier: Apache-2.0
// LinearRegressor: y = x coefficients' + intercepts. LinearClassifier: the same as scores z of the
// classes, and the label y of the largest; one score for two classes stands for (-z, z).
//   x: [n, features] or [features] numbers   y: [n, targets], or labels [n]   z: f32 [n, classes]
// ai.onnx.ml LinearRegressor-1, LinearClassifier-1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

}  // namespace ferry
