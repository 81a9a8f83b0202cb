// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

using Floats = std::vector<float>;

TEST(Svm, Regressor) {
  const Tensor x = tensor<float>({1, 2}, {1, 2});
  OpTester("ai.onnx.ml.SVMRegressor").attr("coefficients", Floats{2, -1}).attr("support_vectors", Floats{1, 0, 0, 1}).attr("n_supports", int64_t{2})
      .attr("rho", Floats{0.5f}).input(x).expect(tensor<float>({1, 1}, {0.5f})).run();
  OpTester("ai.onnx.ml.SVMRegressor").attr("coefficients", Floats{2}).attr("support_vectors", Floats{1, 0}).attr("n_supports", int64_t{1})
      .attr("rho", Floats{0}).attr("kernel_type", std::string("RBF")).attr("kernel_params", Floats{0.5f, 0, 0}).input(x)
      .expect(tensor<float>({1, 1}, {2 * std::exp(-2.0f)})).run();
  OpTester("ai.onnx.ml.SVMRegressor").attr("coefficients", Floats{3, 1}).attr("rho", Floats{-6}).attr("one_class", int64_t{1}).input(x)
      .expect(tensor<float>({1, 1}, {-1})).run();
  OpTester("ai.onnx.ml.SVMRegressor").attr("coefficients", Floats{3}).attr("rho", Floats{0}).input(x).expect_error(Code::kShapeMismatch, "for 2 features").run();
}

TEST(Svm, ClassifierVotes) {
  OpTester("ai.onnx.ml.SVMClassifier").attr("classlabels_ints", std::vector<int64_t>{5, 6, 7}).attr("vectors_per_class", std::vector<int64_t>{1, 1, 1})
      .attr("support_vectors", Floats{1, 0, 0, 1, -1, -1}).attr("coefficients", Floats{1, -1, -1, 1, 1, -1}).attr("rho", Floats{0, 0, 0})
      .input(tensor<float>({2, 2}, {2, 1, -2, -3})).expect(ints({5, 7})).expect(tensor<float>({2, 3}, {1, 5, 4, 1, -7, -8})).run();
  OpTester("ai.onnx.ml.SVMClassifier").attr("classlabels_strings", std::vector<std::string>{"a", "b"}).attr("coefficients", Floats{1, 0, 0, 1})
      .attr("rho", Floats{0}).attr("post_transform", std::string("SOFTMAX")).input(tensor<float>({1, 2}, {1, 1}))
      .expect(tensor<std::string>({1}, {"b"})).expect(tensor<float>({1, 2}, {0.5f, 0.5f})).run();
  OpTester("ai.onnx.ml.SVMClassifier").attr("classlabels_ints", std::vector<int64_t>{5, 6}).attr("vectors_per_class", std::vector<int64_t>{1})
      .attr("support_vectors", Floats{1}).attr("coefficients", Floats{1}).attr("rho", Floats{0}).input(tensor<float>({1, 1}, {1}))
      .expect_error(Code::kInvalidModel, "do not fit").run();
}

TEST(Svm, PairProbabilitiesAddUp) {
  OpTester t("ai.onnx.ml.SVMClassifier");
  t.attr("classlabels_ints", std::vector<int64_t>{0, 1, 2}).attr("vectors_per_class", std::vector<int64_t>{1, 1, 1})
      .attr("support_vectors", Floats{1, 0, 0, 1, -1, -1}).attr("coefficients", Floats{1, -1, -1, 1, 1, -1}).attr("rho", Floats{0, 0, 0})
      .attr("prob_a", Floats{-1, -1, -1}).attr("prob_b", Floats{0, 0, 0}).input(tensor<float>({1, 2}, {2, 1})).ignore_output().ignore_output();
  const std::vector<Value> y = t.outputs().value();
  const float* p = y[1].tensor().data<float>();
  EXPECT_NEAR(p[0] + p[1] + p[2], 1, 1e-5);
  EXPECT_GT(p[0], p[1]);
  EXPECT_GT(p[1], p[2]);
}

}  // namespace
}  // namespace ferry
