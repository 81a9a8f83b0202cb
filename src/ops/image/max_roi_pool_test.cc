// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

const Tensor kX = tensor<float>({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});

TEST(MaxRoiPool, BinsOfWholePixels) {
  OpTester("MaxRoiPool")
      .attr("pooled_shape", std::vector<int64_t>{1, 2})
      .input(kX)
      .input(tensor<float>({1, 5}, {0, 0, 0, 1, 1}))
      .expect(tensor<float>({1, 1, 1, 2}, {4, 5}))
      .run();
  // Outside of x there is nothing.
  OpTester("MaxRoiPool")
      .attr("pooled_shape", std::vector<int64_t>{1, 1})
      .input(kX)
      .input(tensor<float>({1, 5}, {0, 10, 10, 12, 12}))
      .expect(tensor<float>({1, 1, 1, 1}, {0}))
      .run();
}

TEST(MaxRoiPool, RefusesWhatDoesNotFit) {
  const auto pool = [](float batch, float x) {
    OpTester t("MaxRoiPool");
    t.attr("pooled_shape", std::vector<int64_t>{1, 1}).input(kX);
    t.input(tensor<float>({1, 5}, {batch, x, 0, 1, 1}));
    return t;
  };
  pool(1, 0).expect_error(Code::kInvalidArgument, "batch index 1 outside [0, 1)").run();
  pool(0, NAN).expect_error(Code::kInvalidArgument, "region 0 is not finite").run();
  OpTester("MaxRoiPool")
      .attr("pooled_shape", std::vector<int64_t>{1})
      .input(kX)
      .input(tensor<float>({1, 5}, {0, 0, 0, 1, 1}))
      .expect_error(Code::kInvalidModel, "attribute 'pooled_shape'")
      .run();
}

}  // namespace
}  // namespace ferry
