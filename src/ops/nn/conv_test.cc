// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/conv.h"

#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;

TEST(Conv, SumsAWindow) {
  OpTester("Conv")
      .input(tensor<float>({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}))
      .input(tensor<float>({1, 1, 2, 2}, {1, 1, 1, 1}))
      .input(tensor<float>({1}, {0.5f}))
      .expect(tensor<float>({1, 1, 2, 2}, {12.5f, 16.5f, 24.5f, 28.5f}))
      .run();
}

TEST(Conv, PadsStridesAndDilations) {
  OpTester("Conv")
      .attr("pads", Ints{1, 2})
      .attr("strides", Ints{2})
      .attr("dilations", Ints{2})
      .input(tensor<float>({1, 1, 4}, {1, 2, 3, 4}))
      .input(tensor<float>({1, 1, 2}, {1, 10}))
      .expect(tensor<float>({1, 1, 3}, {20, 42, 4}))
      .run();
}

TEST(Conv, AutoPadPutsTheOddPixelWhereItSays) {
  const Tensor x = tensor<float>({1, 1, 4}, {1, 2, 3, 4});
  const Tensor w = tensor<float>({1, 1, 2}, {1, 10});
  OpTester("Conv")
      .attr("auto_pad", std::string("SAME_UPPER"))
      .input(x)
      .input(w)
      .expect(tensor<float>({1, 1, 4}, {21, 32, 43, 4}))
      .run();
  OpTester("Conv")
      .attr("auto_pad", std::string("SAME_LOWER"))
      .input(x)
      .input(w)
      .expect(tensor<float>({1, 1, 4}, {10, 21, 32, 43}))
      .run();
  OpTester("Conv")
      .attr("auto_pad", std::string("VALID"))
      .input(x)
      .input(w)
      .expect(tensor<float>({1, 1, 3}, {21, 32, 43}))
      .run();
}

TEST(Conv, GroupsSeeTheirOwnChannels) {
  OpTester("Conv")
      .attr("group", int64_t{2})
      .input(tensor<half>({1, 2, 2}, {1.0f, 2.0f, 3.0f, 4.0f}))
      .input(tensor<half>({2, 1, 1}, {10.0f, 100.0f}))
      .expect(tensor<half>({1, 2, 2}, {10.0f, 20.0f, 300.0f, 400.0f}))
      .run();
}

TEST(Conv, ThreeSpatialAxesAndEmptyBatches) {
  OpTester("Conv")
      .input(tensor<double>({1, 1, 1, 2, 2}, {1, 2, 3, 4}))
      .input(tensor<double>({1, 1, 1, 2, 2}, {1, 2, 3, 4}))
      .expect(tensor<double>({1, 1, 1, 1, 1}, {30}))
      .run();
  OpTester("Conv")
      .input(tensor<float>({0, 1, 3}, {}))
      .input(tensor<float>({2, 1, 2}, {1, 2, 3, 4}))
      .expect(tensor<float>({0, 2, 2}, {}))
      .run();
}

TEST(Conv, ChannelsLastGivesTheSameNumbers) {
  const Tensor x = random_tensor({1, 3, 5}, 1), w = random_tensor({2, 3, 3}, 2);
  OpTester planar("Conv");
  const Tensor want = planar.input(x).input(w).outputs().value()[0].tensor();
  Tensor moved = Tensor::allocate(DType::kFloat32, {1, 5, 3}).value();
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t i = 0; i < 5; ++i) moved.data<float>()[i * 3 + c] = x.data<float>()[c * 5 + i];
  }
  Graph g;
  Node node;
  Conv conv;
  conv.channels_last = true;
  node.op = make_op("Conv", conv);
  node.inputs = {g.add_input("x", Type::tensor(DType::kFloat32, shape_of(moved.dims()))),
                 g.add_input("w", Type::tensor(DType::kFloat32, shape_of(w.dims())))};
  node.outputs = {g.add_value("y")};
  g.set_outputs(node.outputs);
  ASSERT_TRUE(infer_node(g, g.add_node(std::move(node))).ok());
  EXPECT_EQ(g.value(g.outputs()[0]).type.to_string(), "f32[1,3,2]");
  std::vector<Value> got;
  ASSERT_TRUE(interpret(g, std::vector<Value>{moved, w}, got).ok());
  for (int64_t c = 0; c < 2; ++c) {
    for (int64_t i = 0; i < 3; ++i) {
      EXPECT_EQ(got[0].tensor().data<float>()[i * 2 + c], want.data<float>()[c * 3 + i]);
    }
  }
}

TEST(Conv, RefusesWhatDoesNotFit) {
  const Tensor x = random_tensor({1, 2, 4}, 1);
  OpTester("Conv")
      .input(x)
      .input(random_tensor({1, 3, 2}, 2))
      .expect_error(Code::kShapeMismatch, "x has 2 channels, wanted are 3")
      .run();
  OpTester("Conv")
      .input(x)
      .input(random_tensor({1, 2, 7}, 2))
      .expect_error(Code::kShapeMismatch, "a window of 7 taps")
      .run();
  OpTester("Conv")
      .input(x)
      .input(random_tensor({3, 1, 2}, 2))
      .attr("group", int64_t{2})
      .expect_error(Code::kShapeMismatch, "3 filters do not divide into 2 groups")
      .run();
  OpTester("Conv")
      .input(x)
      .input(random_tensor({1, 2, 2}, 2))
      .attr("pads", Ints{1})
      .expect_error(Code::kInvalidModel, "attribute 'pads' has 1 values, wanted are 2")
      .run();
  OpTester("Conv")
      .input(x)
      .input(random_tensor({1, 2, 2}, 2))
      .attr("strides", Ints{0})
      .expect_error(Code::kInvalidModel, "attribute 'strides' holds 0")
      .run();
  OpTester("Conv")
      .input(x)
      .input(random_tensor({1, 2, 2}, 2))
      .attr("kernel_shape", Ints{3})
      .expect_error(Code::kShapeMismatch, "attribute 'kernel_shape' says 3")
      .run();
  OpTester("Conv")
      .input(x)
      .input(random_tensor({1, 2, 2}, 2))
      .input(random_tensor({2}, 3))
      .expect_error(Code::kShapeMismatch, "the bias is f32[2], wanted is [1]")
      .run();
  OpTester("Conv")
      .input(x)
      .input(random_tensor({1, 2, 2}, 2))
      .attr("auto_pad", std::string("SAME"))
      .expect_error(Code::kInvalidModel, "attribute 'auto_pad' is 'SAME'")
      .run();
}

}  // namespace
}  // namespace ferry
