// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Dropout, InferenceCopies) {
  OpTester("Dropout")
      .input(tensor<float>({2}, {1, 2}))
      .expect(tensor<float>({2}, {1, 2}))
      .expect(tensor<bool>({2}, {true, true}))
      .run();
}

TEST(Dropout, TrainingFollowsTheSeed) {
  // numpy.random.RandomState(1).uniform(size=4) = .417 .720 .0001 .302
  OpTester("Dropout")
      .attr("seed", int64_t{1})
      .input(tensor<float>({4}, {1, 2, 3, 4}))
      .input(tensor<float>({}, {0.4f}))
      .input(tensor<bool>({}, {true}))
      .expect(tensor<float>({4}, {1 / 0.6f, 2 / 0.6f, 0, 0}))
      .expect(tensor<bool>({4}, {true, true, false, false}))
      .run();
}

TEST(Dropout, RefusesARatioOfOne) {
  OpTester("Dropout")
      .input(tensor<float>({1}, {1}))
      .input(tensor<float>({}, {1}))
      .input(tensor<bool>({}, {true}))
      .expect_error(Code::kInvalidArgument, "the ratio is 1")
      .run();
}

}  // namespace
}  // namespace ferry
