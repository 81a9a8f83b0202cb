// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

Tensor per_channel(float a, float b) { return tensor<float>({2}, {a, b}); }

TEST(BatchNormalization, UsesTheGivenStatistics) {
  OpTester("BatchNormalization")
      .attr("epsilon", 0.0f)
      .input(tensor<float>({1, 2, 2}, {1, 3, 10, 20}))
      .input(per_channel(2, 1))
      .input(per_channel(0, 5))
      .input(per_channel(1, 10))
      .input(per_channel(4, 25))
      .expect(tensor<float>({1, 2, 2}, {0, 2, 5, 7}))
      .run();
}

TEST(BatchNormalization, TrainingMovesTheRunningStatistics) {
  OpTester("BatchNormalization")
      .attr("epsilon", 0.0f)
      .attr("training_mode", int64_t{1})
      .attr("momentum", 0.5f)
      .input(tensor<float>({2, 1, 1}, {1, 3}))
      .input(tensor<float>({1}, {1}))
      .input(tensor<float>({1}, {0}))
      .input(tensor<float>({1}, {10}))
      .input(tensor<float>({1}, {3}))
      .expect(tensor<float>({2, 1, 1}, {-1, 1}))
      .expect(tensor<float>({1}, {6}))
      .expect(tensor<float>({1}, {2}))
      .run();
}

TEST(BatchNormalization, MixedWidthsAndRankOne) {
  OpTester("BatchNormalization")
      .attr("epsilon", 0.0f)
      .input(tensor<half>({2}, {1.0f, 2.0f}))
      .input(tensor<float>({1}, {2}))
      .input(tensor<float>({1}, {1}))
      .input(tensor<double>({1}, {1}))
      .input(tensor<double>({1}, {1}))
      .expect(tensor<half>({2}, {1.0f, 3.0f}))
      .run();
}

TEST(BatchNormalization, RefusesWhatDoesNotFit) {
  OpTester("BatchNormalization")
      .input(random_tensor({1, 3, 2}, 1))
      .input(per_channel(1, 1))
      .input(per_channel(0, 0))
      .input(per_channel(0, 0))
      .input(per_channel(1, 1))
      .expect_error(Code::kShapeMismatch, "wanted is one value per channel")
      .run();
  OpTester("BatchNormalization")
      .input(random_tensor({1, 2, 2}, 1))
      .input(per_channel(1, 1))
      .input(per_channel(0, 0))
      .input(per_channel(0, 0))
      .input(per_channel(1, 1))
      .ignore_output()
      .ignore_output()
      .expect_error(Code::kInvalidModel, "only in training mode")
      .run();
}

}  // namespace
}  // namespace ferry
