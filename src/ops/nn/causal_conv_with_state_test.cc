// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

const Tensor kX = tensor<float>({1, 1, 2}, {1, 2});
const Tensor kW = tensor<float>({1, 1, 3}, {100, 10, 1});

TEST(CausalConvWithState, StartsFromZerosOrTheState) {
  OpTester("CausalConvWithState")
      .input(kX)
      .input(kW)
      .expect(tensor<float>({1, 1, 2}, {1, 12}))
      .expect(tensor<float>({1, 1, 2}, {1, 2}))
      .run();
  OpTester("CausalConvWithState")
      .input(tensor<float>({1, 1, 1}, {3}))
      .input(kW)
      .input(tensor<float>({1}, {0.5f}))
      .input(tensor<float>({1, 1, 2}, {1, 2}))
      .expect(tensor<float>({1, 1, 1}, {123.5f}))
      .expect(tensor<float>({1, 1, 2}, {2, 3}))
      .run();
}

TEST(CausalConvWithState, Activation) {
  OpTester("CausalConvWithState")
      .attr("activation", std::string("silu"))
      .input(tensor<float>({1, 1, 1}, {2}))
      .input(tensor<float>({1, 1, 1}, {1}))
      .expect(tensor<float>({1, 1, 1}, {2 / (1 + std::exp(-2.0f))}))
      .expect(tensor<float>({1, 1, 0}, {}))
      .run();
}

TEST(CausalConvWithState, RefusesWhatDoesNotFit) {
  OpTester("CausalConvWithState")
      .input(kX)
      .input(random_tensor({2, 1, 3}, 1))
      .expect_error(Code::kShapeMismatch, "one filter of depth 1 per channel")
      .run();
  OpTester("CausalConvWithState")
      .attr("activation", std::string("relu"))
      .input(kX)
      .input(kW)
      .expect_error(Code::kInvalidModel, "attribute 'activation' is 'relu'")
      .run();
}

}  // namespace
}  // namespace ferry
