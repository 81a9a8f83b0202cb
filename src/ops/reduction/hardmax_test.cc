// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Hardmax, FirstOfTheLargest) {
  OpTester("Hardmax").input(tensor<float>({2, 3}, {1, 3, 3, -1, -INFINITY, -2})).expect(tensor<float>({2, 3}, {0, 1, 0, 1, 0, 0})).run();
  OpTester("Hardmax").attr("axis", int64_t{0}).input(tensor<half>({2, 1}, {1.0f, 2.0f})).expect(tensor<half>({2, 1}, {0.0f, 1.0f})).run();
  OpTester("Hardmax").input(tensor<float>({2, 0}, {})).expect(tensor<float>({2, 0}, {})).run();
  OpTester("Hardmax").attr("axis", int64_t{2}).input(tensor<float>({1, 1}, {1})).expect_error(Code::kInvalidModel, "axis 2 outside").run();
}

}  // namespace
}  // namespace ferry
