// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;

const Tensor kX = tensor<float>({1, 1, 3}, {1, 2, 3});
const Tensor kW = tensor<float>({1, 1, 3}, {1, 10, 100});

TEST(ConvTranspose, SpreadsEveryInput) {
  OpTester("ConvTranspose")
      .input(kX)
      .input(kW)
      .expect(tensor<float>({1, 1, 5}, {1, 12, 123, 230, 300}))
      .run();
}

TEST(ConvTranspose, StridesPadsAndOutputPadding) {
  OpTester("ConvTranspose")
      .attr("strides", Ints{2})
      .attr("output_padding", Ints{1})
      .input(kX)
      .input(kW)
      .expect(tensor<float>({1, 1, 8}, {1, 10, 102, 20, 203, 30, 300, 0}))
      .run();
  OpTester("ConvTranspose")
      .attr("strides", Ints{2})
      .attr("pads", Ints{1, 1})
      .input(kX)
      .input(kW)
      .expect(tensor<float>({1, 1, 5}, {10, 102, 20, 203, 30}))
      .run();
}

TEST(ConvTranspose, OutputShapeSplitsThePads) {
  // One element of padding in all: at the end for SAME_UPPER, else at the start.
  OpTester("ConvTranspose")
      .attr("output_shape", Ints{4})
      .input(kX)
      .input(kW)
      .expect(tensor<float>({1, 1, 4}, {12, 123, 230, 300}))
      .run();
  OpTester("ConvTranspose")
      .attr("output_shape", Ints{4})
      .attr("auto_pad", std::string("SAME_UPPER"))
      .input(kX)
      .input(kW)
      .expect(tensor<float>({1, 1, 4}, {1, 12, 123, 230}))
      .run();
  // More than the inputs reach: the rest is the bias.
  OpTester("ConvTranspose")
      .attr("output_shape", Ints{7})
      .input(kX)
      .input(kW)
      .input(tensor<float>({1}, {0.5f}))
      .expect(tensor<float>({1, 1, 7}, {1.5f, 12.5f, 123.5f, 230.5f, 300.5f, 0.5f, 0.5f}))
      .run();
}

TEST(ConvTranspose, Groups) {
  OpTester("ConvTranspose")
      .attr("group", int64_t{2})
      .input(tensor<float>({1, 2, 1}, {1, 2}))
      .input(tensor<float>({2, 2, 1}, {1, 10, 100, 1000}))
      .expect(tensor<float>({1, 4, 1}, {1, 10, 200, 2000}))
      .run();
}

TEST(ConvTranspose, RefusesWhatDoesNotFit) {
  OpTester("ConvTranspose")
      .input(kX)
      .input(random_tensor({2, 1, 3}, 1))
      .expect_error(Code::kShapeMismatch, "as many filters as channels")
      .run();
  OpTester("ConvTranspose")
      .attr("pads", Ints{4, 4})
      .input(kX)
      .input(kW)
      .expect_error(Code::kShapeMismatch, "the pads leave a size of -3")
      .run();
  OpTester("ConvTranspose")
      .attr("group", int64_t{2})
      .input(random_tensor({1, 3, 4}, 1))
      .input(random_tensor({3, 1, 2}, 2))
      .expect_error(Code::kShapeMismatch, "3 channels are not a multiple of 2 groups")
      .run();
  OpTester("ConvTranspose")
      .attr("output_shape", Ints{4, 4})
      .input(kX)
      .input(kW)
      .expect_error(Code::kInvalidModel, "attribute 'output_shape' has 2 values, wanted are 1")
      .run();
}

}  // namespace
}  // namespace ferry
