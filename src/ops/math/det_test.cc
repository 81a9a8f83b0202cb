// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Det, Matrices) {
  OpTester("Det").input(tensor<float>({2, 2}, {0, 1, 2, 3})).expect(tensor<float>({}, {-2})).run();
  OpTester("Det").input(tensor<double>({2, 1, 1}, {3, -4})).expect(tensor<double>({2}, {3, -4})).run();
  OpTester("Det").input(tensor<float>({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9})).expect(tensor<float>({}, {0}), 0, 1e-5).run();
  OpTester("Det").input(tensor<float>({0, 0}, {})).expect(tensor<float>({}, {1})).run();
  OpTester("Det").input(tensor<float>({0, 2, 2}, {})).expect(tensor<float>({0}, {})).run();
  OpTester("Det").input(tensor<float>({1, 2}, {1, 2})).expect_error(Code::kShapeMismatch, "has no square matrices").run();
}

}  // namespace
}  // namespace ferry
