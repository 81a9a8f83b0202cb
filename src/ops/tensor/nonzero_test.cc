// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(NonZero, Positions) {
  OpTester("NonZero")
      .input(tensor<bool>({2, 2}, {true, false, true, true}))
      .expect(tensor<int64_t>({2, 3}, {0, 1, 1, 0, 0, 1}))
      .run();
  OpTester("NonZero")
      .input(tensor<float>({3}, {0, -0.0f, 2}))
      .expect(tensor<int64_t>({1, 1}, {2}))
      .run();
  OpTester("NonZero").input(tensor<int32_t>({}, {5})).expect(tensor<int64_t>({0, 1}, {})).run();
  OpTester("NonZero")
      .input(tensor<std::string>({2}, {"", "a"}))
      .expect(tensor<int64_t>({1, 1}, {1}))
      .run();
}

}  // namespace
}  // namespace ferry
