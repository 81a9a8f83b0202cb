// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Stft, Frames) {
  const Tensor x = tensor<float>({1, 4, 1}, {1, 2, 3, 4});
  OpTester("STFT").input(x).input(tensor<int64_t>({}, {1})).no_input().input(tensor<int64_t>({}, {2}))
      .expect(tensor<float>({1, 3, 2, 2}, {3, 0, -1, 0, 5, 0, -1, 0, 7, 0, -1, 0}), 1e-5, 1e-5).run();
  OpTester("STFT").attr("onesided", int64_t{0}).input(x).input(tensor<int64_t>({}, {2})).input(tensor<float>({2}, {1, 0.5f}))
      .expect(tensor<float>({1, 2, 2, 2}, {2, 0, 0, 0, 5, 0, 1, 0}), 1e-5, 1e-5).run();
  OpTester("STFT").input(x).input(tensor<int64_t>({}, {0})).expect_error(Code::kInvalidArgument, "every 0 samples").run();
  OpTester("STFT").input(x).input(tensor<int64_t>({}, {1})).no_input().input(tensor<int64_t>({}, {5})).expect_error(Code::kInvalidArgument, "frames of 5").run();
}

}  // namespace
}  // namespace ferry
