// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(CenterCropPad, CropsAndPads) {
  const Tensor x = tensor<float>({5}, {1, 2, 3, 4, 5});
  OpTester("CenterCropPad").input(x).input(ints({2})).expect(tensor<float>({2}, {2, 3})).run();
  OpTester("CenterCropPad").input(x).input(ints({8})).expect(tensor<float>({8}, {0, 1, 2, 3, 4, 5, 0, 0})).run();
  OpTester("CenterCropPad").attr("axes", std::vector<int64_t>{-1}).input(tensor<int64_t>({2, 1}, {1, 2})).input(tensor<int32_t>({1}, {3}))
      .expect(tensor<int64_t>({2, 3}, {0, 1, 0, 0, 2, 0})).run();
  OpTester("CenterCropPad").input(x).input(ints({0})).expect(tensor<float>({0}, {})).run();
  OpTester("CenterCropPad").input(x).input(ints({1, 1})).expect_error(Code::kInvalidArgument, "2 elements for 1 axes").run();
}

}  // namespace
}  // namespace ferry
