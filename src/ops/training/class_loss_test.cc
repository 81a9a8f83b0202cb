// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(ClassLoss, NegativeLogLikelihood) {
  const Tensor x = tensor<float>({2, 3}, {-1, -2, -3, -4, -5, -6}), labels = tensor<int64_t>({2}, {1, 2});
  const Tensor weights = tensor<float>({3}, {1, 2, 4});
  const auto loss = [&](const char* reduction) { return OpTester("NegativeLogLikelihoodLoss").attr("reduction", std::string(reduction)); };
  loss("none").input(x).input(labels).expect(tensor<float>({2}, {2, 6})).run();
  loss("sum").input(x).input(labels).expect(tensor<float>({}, {8})).run();
  loss("mean").input(x).input(labels).expect(tensor<float>({}, {4})).run();
  loss("mean").input(x).input(labels).input(weights).expect(tensor<float>({}, {28.0f / 6})).run();
  loss("mean").attr("ignore_index", int64_t{-9}).input(x).input(tensor<int32_t>({2}, {-9, 2})).expect(tensor<float>({}, {6})).run();
  loss("none").input(tensor<double>({1, 2, 2}, {-1, -2, -3, -4})).input(tensor<int64_t>({1, 2}, {1, 0})).expect(tensor<double>({1, 2}, {3, 2})).run();
  loss("none").input(x).input(tensor<int64_t>({2}, {1, 3})).expect_error(Code::kInvalidArgument, "label 3 outside [0, 3)").run();
  loss("none").input(x).input(tensor<int64_t>({3}, {1, 1, 1})).expect_error(Code::kShapeMismatch, "do not fit").run();
  loss("max").input(x).input(labels).expect_error(Code::kInvalidModel, "reduction is 'max'").run();
}

TEST(ClassLoss, SoftmaxCrossEntropy) {
  const float half_log = std::log(2.0f);
  OpTester("SoftmaxCrossEntropyLoss").input(tensor<float>({1, 2}, {5, 5})).input(tensor<int64_t>({1}, {0}))
      .expect(tensor<float>({}, {half_log})).expect(tensor<float>({1, 2}, {-half_log, -half_log})).run();
  OpTester("SoftmaxCrossEntropyLoss").attr("reduction", std::string("none")).input(tensor<float>({2, 2}, {1000, 0, 0, 0})).input(tensor<int64_t>({2}, {0, 1}))
      .expect(tensor<float>({2}, {0, half_log})).run();
}

}  // namespace
}  // namespace ferry
