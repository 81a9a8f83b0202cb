// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

using Floats = std::vector<float>;

TEST(Linear, Regressor) {
  OpTester("ai.onnx.ml.LinearRegressor").attr("coefficients", Floats{1, 2, 3, 4}).attr("intercepts", Floats{10, 20}).attr("targets", int64_t{2})
      .input(tensor<float>({2, 2}, {1, 1, 0, 1})).expect(tensor<float>({2, 2}, {13, 27, 12, 24})).run();
  OpTester("ai.onnx.ml.LinearRegressor").attr("coefficients", Floats{1, 2}).input(tensor<int64_t>({2}, {3, 4})).expect(tensor<float>({1, 1}, {11})).run();
  OpTester("ai.onnx.ml.LinearRegressor").attr("coefficients", Floats{1, 2, 3}).input(tensor<float>({1, 2}, {3, 4}))
      .expect_error(Code::kShapeMismatch, "3 coefficients for 2 features").run();
}

TEST(Linear, Classifier) {
  OpTester("ai.onnx.ml.LinearClassifier").attr("coefficients", Floats{1, 0, 0, 1, -1, -1}).attr("classlabels_ints", std::vector<int64_t>{7, 8, 9})
      .input(tensor<float>({2, 2}, {1, 2, -1, -2})).expect(ints({8, 9})).expect(tensor<float>({2, 3}, {1, 2, -3, -1, -2, 3})).run();
  const float p = 1 / (1 + std::exp(-3.0f));
  OpTester("ai.onnx.ml.LinearClassifier").attr("coefficients", Floats{1, 1}).attr("classlabels_strings", std::vector<std::string>{"no", "yes"})
      .attr("post_transform", std::string("LOGISTIC")).input(tensor<double>({1, 2}, {1, 2}))
      .expect(tensor<std::string>({1}, {"yes"})).expect(tensor<float>({1, 2}, {1 - p, p})).run();
  OpTester("ai.onnx.ml.LinearClassifier").attr("coefficients", Floats{1, 1}).input(tensor<float>({1, 2}, {1, 2}))
      .expect_error(Code::kInvalidModel, "class labels").run();
  OpTester("ai.onnx.ml.LinearClassifier").attr("coefficients", Floats{1, 1}).attr("classlabels_ints", std::vector<int64_t>{1, 2}).attr("post_transform", std::string("TANH"))
      .input(tensor<float>({1, 2}, {1, 2})).expect_error(Code::kInvalidModel, "post_transform is 'TANH'").run();
}

}  // namespace
}  // namespace ferry
