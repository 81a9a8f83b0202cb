// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

Value seq(std::vector<Tensor> tensors) { return Value(Sequence(tensors.begin(), tensors.end())); }
const Tensor kA = tensor<float>({2}, {1, 2}), kB = tensor<float>({1}, {3}), kC = tensor<float>({}, {4});
Tensor at(int64_t position) { return tensor<int64_t>({}, {position}); }

TEST(Sequence, BuildsAndReads) {
  OpTester("SequenceEmpty").attr("dtype", int64_t{7}).expect(Value(Sequence{})).run();
  OpTester("SequenceConstruct").input(kA).input(kB).expect(seq({kA, kB})).run();
  OpTester("SequenceInsert").input(seq({kA, kB})).input(kC).expect(seq({kA, kB, kC})).run();
  OpTester("SequenceInsert").input(seq({kA, kB})).input(kC).input(at(-2)).expect(seq({kC, kA, kB})).run();
  OpTester("SequenceInsert").input(seq({kA, kB})).input(kC).input(at(2)).expect(seq({kA, kB, kC})).run();
  OpTester("SequenceErase").input(seq({kA, kB})).expect(seq({kA})).run();
  OpTester("SequenceErase").input(seq({kA, kB})).input(tensor<int32_t>({1}, {0})).expect(seq({kB})).run();
  OpTester("SequenceAt").input(seq({kA, kB})).input(at(-1)).expect(kB).run();
  OpTester("SequenceLength").input(seq({kA, kB})).expect(at(2)).run();
}

TEST(Sequence, Refuses) {
  OpTester("SequenceAt").input(seq({kA})).input(at(1)).expect_error(Code::kInvalidArgument, "position 1 outside [-1, 0]").run();
  OpTester("SequenceAt").input(seq({})).input(at(0)).expect_error(Code::kInvalidArgument, "has no elements").run();
  OpTester("SequenceErase").input(seq({})).expect_error(Code::kInvalidArgument, "has no elements").run();
  OpTester("SequenceInsert").input(seq({kA})).input(kC).input(at(2)).expect_error(Code::kInvalidArgument, "position 2 outside").run();
  OpTester("SequenceInsert").input(seq({kA})).input(tensor<int64_t>({1}, {1})).expect_error(Code::kInvalidModel, "meet").run();
  OpTester("SequenceLength").input(kA).expect_error(Code::kInvalidModel, "a sequence was wanted").run();
}

}  // namespace
}  // namespace ferry
