// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;

OpTester unpool(std::vector<int64_t> indices) {
  OpTester t("MaxUnpool");
  t.attr("kernel_shape", Ints{2}).attr("strides", Ints{2});
  t.input(tensor<float>({1, 1, 2}, {5, 6})).input(tensor<int64_t>({1, 1, 2}, indices));
  return t;
}

TEST(MaxUnpool, PutsValuesBack) {
  unpool({1, 2}).expect(tensor<float>({1, 1, 4}, {0, 5, 6, 0})).run();
  unpool({1, 2})
      .input(tensor<int64_t>({3}, {1, 1, 5}))
      .expect(tensor<float>({1, 1, 5}, {0, 5, 6, 0, 0}))
      .run();
}

TEST(MaxUnpool, RefusesWhatDoesNotFit) {
  unpool({1, 4}).expect_error(Code::kInvalidArgument, "index 4 outside [0, 4)").run();
  unpool({-1, 0}).expect_error(Code::kInvalidArgument, "index -1 outside [0, 4)").run();
  unpool({1, 2})
      .input(tensor<int64_t>({3}, {1, 1, 3}))
      .expect_error(Code::kShapeMismatch, "wanted is at least [1,1,4]")
      .run();
}

}  // namespace
}  // namespace ferry
