// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(LpNormalization, BothNormsAndZeros) {
  OpTester("LpNormalization")
      .input(tensor<float>({2, 2}, {3, 4, 0, 0}))
      .expect(tensor<float>({2, 2}, {0.6f, 0.8f, 0, 0}))
      .run();
  OpTester("LpNormalization")
      .attr("p", int64_t{1})
      .attr("axis", int64_t{0})
      .input(tensor<float>({2, 1}, {1, -3}))
      .expect(tensor<float>({2, 1}, {0.25f, -0.75f}))
      .run();
}

TEST(LpNormalization, RefusesOtherNorms) {
  OpTester("LpNormalization")
      .attr("p", int64_t{3})
      .input(random_tensor({2}, 1))
      .expect_error(Code::kInvalidModel, "attribute 'p' is 3, wanted is 1 or 2")
      .run();
}

}  // namespace
}  // namespace ferry
