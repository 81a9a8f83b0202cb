// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(GatherElements, Indices) {
  OpTester("GatherElements")
      .attr("axis", int64_t{1})
      .input(tensor<float>({2, 2}, {1, 2, 3, 4}))
      .input(tensor<int64_t>({2, 2}, {0, 0, -1, 0}))
      .expect(tensor<float>({2, 2}, {1, 1, 4, 3}))
      .run();
  OpTester("GatherElements")
      .input(tensor<float>({3, 2}, {1, 2, 3, 4, 5, 6}))
      .input(tensor<int32_t>({2, 1}, {2, 0}))
      .expect(tensor<float>({2, 1}, {5, 1}))
      .run();
  OpTester("GatherElements")
      .input(iota({3}))
      .input(ints({5}))
      .expect_error(Code::kInvalidArgument, "index 5")
      .run();
  OpTester("GatherElements")
      .input(iota({1, 2}))
      .input(tensor<int64_t>({1, 3}, {0, 0, 0}))
      .expect_error(Code::kShapeMismatch, "do not lie in")
      .run();
}

}  // namespace
}  // namespace ferry
