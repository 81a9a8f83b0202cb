// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

const Tensor kX = tensor<float>({1, 1, 3}, {1, 2, 4});
const Tensor kW = tensor<float>({1, 1, 2}, {1, 10});

TEST(DeformConv, OffsetsMoveTheTaps) {
  OpTester("DeformConv")
      .input(kX)
      .input(kW)
      .input(tensor<float>({1, 2, 2}, {0, 0, 0, 0}))
      .expect(tensor<float>({1, 1, 2}, {21, 42}))
      .run();
  // Tap 0 moves half a pixel right at the first position, tap 1 far outside at the second.
  OpTester("DeformConv")
      .input(kX)
      .input(kW)
      .input(tensor<float>({1, 2, 2}, {0.5f, 0, 0, 1e30f}))
      .expect(tensor<float>({1, 1, 2}, {21.5f, 2}))
      .run();
  OpTester("DeformConv")
      .input(kX)
      .input(kW)
      .input(tensor<float>({1, 2, 2}, {NAN, 0, 0, 0}))
      .expect(tensor<float>({1, 1, 2}, {20, 42}))
      .run();
}

TEST(DeformConv, MaskAndBias) {
  OpTester("DeformConv")
      .input(kX)
      .input(kW)
      .input(tensor<float>({1, 2, 2}, {0, 0, 0, 0}))
      .input(tensor<float>({1}, {0.25f}))
      .input(tensor<float>({1, 2, 2}, {1, 0, 0.5f, 1}))
      .expect(tensor<float>({1, 1, 2}, {11.25f, 40.25f}))
      .run();
}

TEST(DeformConv, RefusesWhatDoesNotFit) {
  OpTester("DeformConv")
      .input(kX)
      .input(kW)
      .input(random_tensor({1, 2, 3}, 1))
      .expect_error(Code::kShapeMismatch, "input 2 is f32[1,2,3], wanted is [1,2,2]")
      .run();
  OpTester("DeformConv")
      .attr("offset_group", int64_t{2})
      .input(kX)
      .input(kW)
      .input(random_tensor({1, 4, 2}, 1))
      .expect_error(Code::kShapeMismatch, "1 channels do not divide into 2 offset groups")
      .run();
}

}  // namespace
}  // namespace ferry
