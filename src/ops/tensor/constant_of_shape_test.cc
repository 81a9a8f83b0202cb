// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(ConstantOfShape, Fills) {
  OpTester("ConstantOfShape").input(ints({2, 1})).expect(tensor<float>({2, 1}, {0, 0})).run();
  OpTester("ConstantOfShape").attr("value", tensor<int64_t>({1}, {7})).input(ints({2})).expect(ints({7, 7})).run();
  OpTester("ConstantOfShape").attr("value", packed_tensor(DType::kInt4, {1}, {9})).input(ints({3})).expect(packed_tensor(DType::kInt4, {3}, {9, 9, 9})).run();
  OpTester("ConstantOfShape").input(ints({})).expect(tensor<float>({}, {0})).run();
  OpTester("ConstantOfShape").input(ints({-1})).expect_error(Code::kInvalidArgument, "negative dimension").run();
  OpTester("ConstantOfShape").input(ints({int64_t{1} << 60, 1 << 10})).expect_error(Code::kLimitExceeded, "").run();
}

}  // namespace
}  // namespace ferry
