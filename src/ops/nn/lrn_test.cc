// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(LRN, EvenWindowsReachForward) {
  OpTester("LRN")
      .attr("size", int64_t{2})
      .attr("alpha", 2.0f)
      .attr("beta", 1.0f)
      .attr("bias", 0.0f)
      .input(tensor<float>({1, 3, 1}, {1, 2, 3}))
      .expect(tensor<float>({1, 3, 1}, {1.0f / 5, 2.0f / 13, 3.0f / 9}))
      .run();
}

TEST(LRN, WindowsMayExceedTheChannels) {
  OpTester("LRN")
      .attr("size", int64_t{INT64_MAX})
      .attr("alpha", 0.0f)
      .attr("bias", 4.0f)
      .attr("beta", 0.5f)
      .input(tensor<float>({1, 2, 1}, {2, 4}))
      .expect(tensor<float>({1, 2, 1}, {1, 2}))
      .run();
  OpTester("LRN")
      .attr("size", int64_t{0})
      .input(random_tensor({1, 2, 1}, 1))
      .expect_error(Code::kInvalidModel, "attribute 'size' is 0")
      .run();
}

}  // namespace
}  // namespace ferry
