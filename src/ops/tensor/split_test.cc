// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Split, Parts) {
  OpTester("Split").input(ints({1, 2, 3, 4, 5})).expect(ints({1, 2, 3})).expect(ints({4, 5})).run();
  OpTester("Split")
      .attr("num_outputs", int64_t{4})
      .input(ints({1, 2, 3, 4, 5}))
      .expect(ints({1, 2}))
      .expect(ints({3, 4}))
      .expect(ints({5}))
      .expect(ints({}))
      .run();
  OpTester("Split")
      .attr("axis", int64_t{1})
      .input(tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6}))
      .input(ints({1, 2}))
      .expect(tensor<float>({2, 1}, {1, 4}))
      .expect(tensor<float>({2, 2}, {2, 3, 5, 6}))
      .run();
  OpTester("Split").input(ints({1, 2})).input(ints({0, 2})).no_output().expect(ints({1, 2})).run();
  OpTester("Split")
      .input(ints({1, 2}))
      .input(ints({1, 2}))
      .ignore_output()
      .ignore_output()
      .expect_error(Code::kShapeMismatch, "adds up to 3, the axis has 2")
      .run();
  OpTester("Split")
      .attr("num_outputs", int64_t{3})
      .input(ints({1, 2}))
      .expect_error(Code::kInvalidModel, "num_outputs is 3, the node has 1")
      .run();
}

}  // namespace
}  // namespace ferry
