// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(SwiGLU, GatesElementwise) {
  OpTester("SwiGLU")
      .attr("alpha", 2.0f)
      .input(tensor<float>({2}, {0, 1}))
      .input(tensor<float>({2}, {5, 3}))
      .expect(tensor<float>({2}, {0, 3 / (1 + std::exp(-2.0f))}))
      .run();
  OpTester("SwiGLU")
      .input(tensor<half>({}, {0.0f}))
      .input(tensor<half>({}, {1.0f}))
      .expect(tensor<half>({}, {0.0f}))
      .run();
}

TEST(SwiGLU, DoesNotBroadcast) {
  OpTester("SwiGLU")
      .input(tensor<float>({2}, {0, 1}))
      .input(tensor<float>({1}, {5}))
      .expect_error(Code::kShapeMismatch, "wanted are equal shapes")
      .run();
}

}  // namespace
}  // namespace ferry
