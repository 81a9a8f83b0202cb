// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Where, ThreeWayBroadcast) {
  OpTester("Where")
      .input(tensor<bool>({2, 1}, {true, false}))
      .input(tensor<int64_t>({2}, {1, 2}))
      .input(tensor<int64_t>({}, {9}))
      .expect(tensor<int64_t>({2, 2}, {1, 2, 9, 9}))
      .run();
  OpTester("Where")
      .input(tensor<bool>({}, {false}))
      .input(tensor<std::string>({1}, {"a"}))
      .input(tensor<std::string>({1}, {"b"}))
      .expect(tensor<std::string>({1}, {"b"}))
      .run();
}

}  // namespace
}  // namespace ferry
