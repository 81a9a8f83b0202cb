// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(ReverseSequence, BothLayouts) {
  const Tensor x = tensor<float>({3, 2}, {0, 1, 2, 3, 4, 5});
  OpTester("ReverseSequence").input(x).input(ints({3, 2})).expect(tensor<float>({3, 2}, {4, 3, 2, 1, 0, 5})).run();
  OpTester("ReverseSequence").attr("batch_axis", int64_t{0}).attr("time_axis", int64_t{1}).input(x).input(ints({2, 1, 0}))
      .expect(tensor<float>({3, 2}, {1, 0, 2, 3, 4, 5})).run();
  OpTester("ReverseSequence").input(x).input(ints({4, 2})).expect_error(Code::kInvalidArgument, "sequence_lens[0] is 4").run();
  OpTester("ReverseSequence").attr("time_axis", int64_t{1}).input(x).input(ints({1, 1})).expect_error(Code::kInvalidModel, "wanted are 0 and 1").run();
  OpTester("ReverseSequence").input(x).input(ints({1})).expect_error(Code::kShapeMismatch, "sequence_lens is").run();
}

}  // namespace
}  // namespace ferry
