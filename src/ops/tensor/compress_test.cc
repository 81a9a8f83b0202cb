// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Compress, SlicesAndElements) {
  const Tensor x = tensor<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  OpTester("Compress").attr("axis", int64_t{0}).input(x).input(tensor<bool>({3}, {false, true, true})).expect(tensor<float>({2, 2}, {3, 4, 5, 6})).run();
  OpTester("Compress").attr("axis", int64_t{-1}).input(x).input(tensor<bool>({2}, {false, true})).expect(tensor<float>({3, 1}, {2, 4, 6})).run();
  OpTester("Compress").input(x).input(tensor<bool>({5}, {false, true, false, false, true})).expect(tensor<float>({2}, {2, 5})).run();
  OpTester("Compress").input(x).input(tensor<bool>({9}, {1, 0, 0, 0, 0, 0, 1, 1, 1})).expect(tensor<float>({1}, {1})).run();
  OpTester("Compress").attr("axis", int64_t{2}).input(x).input(tensor<bool>({1}, {true})).expect_error(Code::kInvalidModel, "axis 2 outside").run();
}

}  // namespace
}  // namespace ferry
