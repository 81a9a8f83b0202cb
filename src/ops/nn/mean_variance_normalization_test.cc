// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(MeanVarianceNormalization, OverTheGivenAxes) {
  OpTester("MeanVarianceNormalization")
      .attr("axes", std::vector<int64_t>{0, -1})
      .input(tensor<float>({2, 2, 1}, {1, 10, 3, 30}))
      .expect(tensor<float>({2, 2, 1}, {-1, -1, 1, 1}))
      .run();
}

TEST(MeanVarianceNormalization, ConstantsAreZeros) {
  OpTester("MeanVarianceNormalization")
      .input(tensor<half>({1, 1, 1, 2}, {5.0f, 5.0f}))
      .expect(tensor<half>({1, 1, 1, 2}, {0.0f, 0.0f}))
      .run();
}

TEST(MeanVarianceNormalization, RefusesABadAxis) {
  OpTester("MeanVarianceNormalization")
      .input(random_tensor({2, 2}, 1))
      .expect_error(Code::kInvalidModel, "axis 2 outside [-2, 2)")
      .run();
}

}  // namespace
}  // namespace ferry
