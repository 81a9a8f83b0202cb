// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Softmax, RowsSumToOne) {
  OpTester("Softmax")
      .input(tensor<float>({2, 2}, {0, 0, 0, std::log(3.0f)}))
      .expect(tensor<float>({2, 2}, {0.5f, 0.5f, 0.25f, 0.75f}))
      .run();
}

TEST(Softmax, AlongAnInnerAxis) {
  OpTester("Softmax")
      .attr("axis", int64_t{0})
      .input(tensor<half>({2, 2}, {0.0f, 1.0f, 0.0f, 1.0f}))
      .expect(tensor<half>({2, 2}, {0.5f, 0.5f, 0.5f, 0.5f}))
      .run();
}

TEST(Softmax, ZeroSizeAndLargeValues) {
  OpTester("Softmax").input(tensor<float>({0, 3}, {})).expect(tensor<float>({0, 3}, {})).run();
  OpTester("Softmax")
      .input(tensor<float>({1, 2}, {1e30f, 1e30f}))
      .expect(tensor<float>({1, 2}, {0.5f, 0.5f}))
      .run();
}

TEST(Softmax, SumsOfThousandsAreRoundedOnce) {
  constexpr int64_t kCount = 30001;
  std::vector<float> x(kCount, -0.3f);
  x[0] = 0;
  const double e = std::exp(-0.3f), sum = 1 + e * (kCount - 1);
  std::vector<float> y(kCount, static_cast<float>(e / sum));
  y[0] = static_cast<float>(1 / sum);
  OpTester("Softmax")
      .input(tensor<float>({kCount}, x))
      .expect(tensor<float>({kCount}, y), 4e-7, 0)
      .run();
}

TEST(Softmax, RefusesABadAxisAndIntegers) {
  OpTester("Softmax")
      .attr("axis", int64_t{2})
      .input(tensor<float>({2, 2}, {0, 0, 0, 0}))
      .expect_error(Code::kInvalidModel, "axis 2 outside [-2, 2)")
      .run();
  OpTester("Softmax")
      .input(tensor<int32_t>({1}, {1}))
      .expect_error(Code::kUnsupportedType, "has element type i32")
      .run();
}

}  // namespace
}  // namespace ferry
