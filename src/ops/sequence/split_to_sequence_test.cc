// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

Value seq(std::vector<Tensor> tensors) { return Value(Sequence(tensors.begin(), tensors.end())); }

TEST(SplitToSequence, Parts) {
  const Tensor x = tensor<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor first = tensor<float>({2, 2}, {1, 2, 3, 4}), last = tensor<float>({1, 2}, {5, 6});
  OpTester("SplitToSequence").input(x).input(tensor<int64_t>({}, {2})).expect(seq({first, last})).run();
  OpTester("SplitToSequence").input(x).input(ints({2, 1})).expect(seq({first, last})).run();
  OpTester("SplitToSequence").attr("axis", int64_t{1}).attr("keepdims", int64_t{0}).input(x)
      .expect(seq({tensor<float>({3}, {1, 3, 5}), tensor<float>({3}, {2, 4, 6})})).run();
  OpTester("SplitToSequence").input(tensor<float>({0, 2}, {})).expect(seq({})).run();
  OpTester("SplitToSequence").input(x).input(ints({2, 2})).expect_error(Code::kInvalidArgument, "does not add up").run();
  OpTester("SplitToSequence").input(x).input(tensor<int64_t>({}, {0})).expect_error(Code::kInvalidArgument, "split is 0").run();
}

TEST(ConcatFromSequence, JoinsAndStacks) {
  const Tensor a = tensor<float>({1, 2}, {1, 2}), b = tensor<float>({1, 2}, {3, 4});
  OpTester("ConcatFromSequence").attr("axis", int64_t{0}).input(seq({a, b})).expect(tensor<float>({2, 2}, {1, 2, 3, 4})).run();
  OpTester("ConcatFromSequence").attr("axis", int64_t{-1}).attr("new_axis", int64_t{1}).input(seq({a, b}))
      .expect(tensor<float>({1, 2, 2}, {1, 3, 2, 4})).run();
  OpTester("ConcatFromSequence").attr("axis", int64_t{0}).input(seq({})).expect_error(Code::kInvalidArgument, "has no elements").run();
  OpTester("ConcatFromSequence").attr("axis", int64_t{0}).input(seq({a, tensor<float>({1, 3}, {1, 2, 3})}))
      .expect_error(Code::kShapeMismatch, "its axis 1 must be 2").run();
}

}  // namespace
}  // namespace ferry
