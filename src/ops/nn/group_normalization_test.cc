// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(GroupNormalization, NormalizesEachGroup) {
  OpTester("GroupNormalization")
      .attr("num_groups", int64_t{1})
      .attr("epsilon", 0.0f)
      .input(tensor<float>({1, 2, 2}, {1, 1, 3, 3}))
      .input(tensor<float>({2}, {1, 10}))
      .input(tensor<float>({2}, {0, 1}))
      .expect(tensor<float>({1, 2, 2}, {-1, -1, 11, 11}))
      .run();
}

TEST(InstanceNormalization, NormalizesEachChannel) {
  OpTester("InstanceNormalization")
      .attr("epsilon", 0.0f)
      .input(tensor<float>({1, 2, 2}, {1, 3, 10, 30}))
      .input(tensor<float>({2}, {1, 2}))
      .input(tensor<float>({2}, {0, 5}))
      .expect(tensor<float>({1, 2, 2}, {-1, 1, 3, 7}))
      .run();
}

TEST(GroupNormalization, RefusesWhatDoesNotFit) {
  const Tensor c3 = random_tensor({3}, 1);
  OpTester("GroupNormalization")
      .attr("num_groups", int64_t{2})
      .input(random_tensor({1, 3, 2}, 1))
      .input(c3)
      .input(c3)
      .expect_error(Code::kInvalidModel, "3 channels do not divide into 2 groups")
      .run();
  OpTester("GroupNormalization")
      .attr("num_groups", int64_t{0})
      .input(random_tensor({1, 3, 2}, 1))
      .input(c3)
      .input(c3)
      .expect_error(Code::kInvalidModel, "attribute 'num_groups' is 0")
      .run();
  OpTester("InstanceNormalization")
      .input(random_tensor({1, 2, 2}, 1))
      .input(c3)
      .input(c3)
      .expect_error(Code::kShapeMismatch, "wanted is one value per channel")
      .run();
}

}  // namespace
}  // namespace ferry
