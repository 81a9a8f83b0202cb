// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;

const Tensor kX = tensor<uint8_t>({1, 1, 3}, {1, 2, 3});

TEST(ConvInteger, PaddingIsTheZeroPoint) {
  OpTester("ConvInteger")
      .attr("pads", Ints{1, 0})
      .input(kX)
      .input(tensor<int8_t>({2, 1, 2}, {1, 2, -1, 3}))
      .input(tensor<uint8_t>({}, {1}))
      .input(tensor<int8_t>({2}, {0, 1}))
      .expect(tensor<int32_t>({1, 2, 3}, {0, 2, 5, 0, 2, 2}))
      .run();
  OpTester("ConvInteger")
      .input(kX)
      .input(tensor<uint8_t>({1, 1, 3}, {1, 1, 255}))
      .expect(tensor<int32_t>({1, 1, 1}, {768}))
      .run();
}

TEST(QLinearConv, Requantizes) {
  const auto f = [](float v) { return tensor<float>({}, {v}); };
  OpTester("QLinearConv")
      .input(kX)
      .input(f(0.5f))
      .input(tensor<uint8_t>({}, {1}))
      .input(tensor<int8_t>({2, 1, 1}, {1, -4}))
      .input(tensor<float>({2}, {1, 2}))
      .input(tensor<int8_t>({}, {0}))
      .input(f(1))
      .input(tensor<int8_t>({}, {10}))
      .input(tensor<int32_t>({2}, {1, 200}))
      // (x - 1) w + b = 1 2 3 | 200 196 192, halves round to even
      .expect(tensor<int8_t>({1, 2, 3}, {10, 11, 12, 127, 127, 127}))
      .run();
}

TEST(ConvInteger, RefusesWhatDoesNotFit) {
  OpTester("ConvInteger")
      .input(kX)
      .input(tensor<int8_t>({2, 1, 1}, {1, 1}))
      .no_input()
      .input(tensor<int8_t>({3}, {0, 0, 0}))
      .expect_error(Code::kShapeMismatch, "input 3 is i8[3], wanted is a scalar or [2]")
      .run();
  OpTester("ConvInteger")
      .input(kX)
      .input(tensor<int8_t>({1, 1, 1}, {1}))
      .input(tensor<int8_t>({}, {0}))
      .expect_error(Code::kInvalidModel, "element types u8 and i8")
      .run();
}

}  // namespace
}  // namespace ferry
