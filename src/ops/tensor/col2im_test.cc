// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Col2Im, Blocks) {
  const Tensor x = tensor<float>({1, 4, 4}, {1, 2, 3, 4, 10, 20, 30, 40, 100, 200, 300, 400, 1000, 2000, 3000, 4000});
  OpTester("Col2Im").input(x).input(ints({3, 3})).input(ints({2, 2}))
      .expect(tensor<float>({1, 1, 3, 3}, {1, 12, 20, 103, 1234, 2040, 300, 3400, 4000})).run();
  OpTester("Col2Im").attr("strides", std::vector<int64_t>{2, 2}).input(x).input(ints({4, 4})).input(ints({2, 2}))
      .expect(tensor<float>({1, 1, 4, 4}, {1, 10, 2, 20, 100, 1000, 200, 2000, 3, 30, 4, 40, 300, 3000, 400, 4000})).run();
  OpTester("Col2Im").input(x).input(ints({5, 5})).input(ints({2, 2})).expect_error(Code::kShapeMismatch, "wanted are 4 block elements and 16 blocks").run();
  OpTester("Col2Im").attr("strides", std::vector<int64_t>{0, 1}).input(x).input(ints({3, 3})).input(ints({2, 2}))
      .expect_error(Code::kInvalidArgument, "stride 0").run();
}

}  // namespace
}  // namespace ferry
