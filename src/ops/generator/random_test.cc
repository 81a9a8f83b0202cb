// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

// What numpy.random.RandomState(0) draws first.
TEST(Random, FollowsTheReferenceSeed) {
  OpTester("RandomUniform").attr("shape", std::vector<int64_t>{3}).attr("seed", 0.0f)
      .expect(tensor<float>({3}, {0.5488135f, 0.71518937f, 0.60276338f})).run();
  OpTester("RandomUniformLike").attr("seed", 0.0f).attr("low", 1.0f).attr("high", 3.0f).input(tensor<double>({1, 2}, {7, 7}))
      .expect(tensor<double>({1, 2}, {2.0976270, 2.4303787}), 1e-6).run();
  OpTester("RandomNormal").attr("shape", std::vector<int64_t>{3}).attr("seed", 0.0f)
      .expect(tensor<float>({3}, {1.7640524f, 0.4001572f, 0.978738f})).run();
  OpTester("RandomNormalLike").attr("seed", 0.0f).attr("mean", 1.0f).attr("scale", 2.0f).attr("dtype", int64_t{10}).input(tensor<int64_t>({2}, {7, 7}))
      .expect(tensor<half>({2}, {4.5281048f, 1.8003144f}), 1e-3).run();
  OpTester("Bernoulli").attr("seed", 0.0f).attr("dtype", int64_t{9}).input(tensor<float>({3}, {0.6f, 0.6f, 1}))
      .expect(tensor<bool>({3}, {true, false, true})).run();
}

TEST(Random, StaysInRange) {
  OpTester("Multinomial").attr("sample_size", int64_t{3}).input(tensor<float>({2, 3}, {-1e30f, 0, -1e30f, 0, -1e30f, -1e30f}))
      .expect(tensor<int32_t>({2, 3}, {1, 1, 1, 0, 0, 0})).run();
  OpTester("Multinomial").attr("dtype", int64_t{7}).input(tensor<float>({0, 3}, {})).expect(tensor<int64_t>({0, 1}, {})).run();
  OpTester("Multinomial").input(tensor<float>({1, 0}, {})).expect_error(Code::kShapeMismatch, "has no classes").run();
  OpTester("RandomNormal").attr("shape", std::vector<int64_t>{-1}).expect_error(Code::kInvalidArgument, "negative dimension").run();
  OpTester("RandomNormal").attr("shape", std::vector<int64_t>{1}).attr("dtype", int64_t{7}).expect_error(Code::kUnsupportedType, "element type i64").run();
}

}  // namespace
}  // namespace ferry
