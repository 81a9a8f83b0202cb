// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(LayerNormalization, RowsWithStatistics) {
  OpTester("LayerNormalization")
      .attr("epsilon", 0.0f)
      .input(tensor<float>({2, 2}, {1, 3, 0, 4}))
      .input(tensor<float>({2}, {1, 10}))
      .input(tensor<float>({2}, {0, 1}))
      .expect(tensor<float>({2, 2}, {-1, 11, -1, 11}))
      .expect(tensor<float>({2, 1}, {2, 2}))
      .expect(tensor<float>({2, 1}, {1, 0.5f}))
      .run();
}

TEST(LayerNormalization, ScalesThatVaryOutsideTheNormalizedAxes) {
  OpTester("LayerNormalization")
      .attr("epsilon", 0.0f)
      .input(tensor<float>({2, 2}, {1, 3, 0, 4}))
      .input(tensor<float>({2, 1}, {1, 10}))
      .expect(tensor<float>({2, 2}, {-1, 1, -10, 10}))
      .run();
}

TEST(LayerNormalization, HalvesAndStashTypes) {
  OpTester("LayerNormalization")
      .attr("epsilon", 0.0f)
      .attr("axis", int64_t{0})
      .attr("stash_type", int64_t{16})
      .input(tensor<half>({2, 1}, {1.0f, 3.0f}))
      .input(tensor<half>({1}, {1.0f}))
      .expect(tensor<half>({2, 1}, {-1.0f, 1.0f}))
      .expect(tensor<bfloat16>({1, 1}, {2.0f}))
      .run();
}

TEST(LayerNormalization, ZeroSize) {
  OpTester("LayerNormalization")
      .input(tensor<float>({0, 2}, {}))
      .input(tensor<float>({2}, {1, 1}))
      .expect(tensor<float>({0, 2}, {}))
      .expect(tensor<float>({0, 1}, {}))
      .run();
  OpTester("LayerNormalization")
      .input(tensor<float>({1, 0}, {}))
      .input(tensor<float>({1}, {1}))
      .expect(tensor<float>({1, 0}, {}))
      .expect(tensor<float>({1, 1}, {NAN}))
      .run();
}

TEST(RMSNormalization, DividesByTheRootMeanSquare) {
  OpTester("RMSNormalization")
      .attr("epsilon", 0.0f)
      .input(tensor<float>({1, 2}, {3, -3}))
      .input(tensor<float>({2}, {1, 2}))
      .expect(tensor<float>({1, 2}, {1, -2}))
      .run();
  // The output has the type of the scale.
  OpTester("RMSNormalization")
      .attr("epsilon", 0.0f)
      .input(tensor<float>({2}, {2, 2}))
      .input(tensor<half>({1}, {3.0f}))
      .expect(tensor<half>({2}, {3.0f, 3.0f}))
      .run();
}

TEST(LayerNormalization, RefusesWhatDoesNotFit) {
  const Tensor x = random_tensor({2, 3}, 1);
  OpTester("LayerNormalization")
      .attr("axis", int64_t{2})
      .input(x)
      .input(random_tensor({3}, 2))
      .expect_error(Code::kInvalidModel, "axis 2 outside [-2, 2)")
      .run();
  OpTester("LayerNormalization")
      .input(x)
      .input(random_tensor({4}, 2))
      .expect_error(Code::kShapeMismatch, "does not broadcast")
      .run();
  OpTester("LayerNormalization")
      .attr("stash_type", int64_t{6})
      .input(x)
      .input(random_tensor({3}, 2))
      .expect_error(Code::kInvalidModel, "attribute 'stash_type' is 6")
      .run();
}

}  // namespace
}  // namespace ferry
