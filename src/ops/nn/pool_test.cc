// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;

const Tensor kSquare = tensor<float>({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});

TEST(MaxPool, ValuesAndIndicesInBothOrders) {
  OpTester("MaxPool")
      .attr("kernel_shape", Ints{2, 2})
      .input(kSquare)
      .expect(tensor<float>({1, 1, 2, 2}, {5, 6, 8, 9}))
      .expect(tensor<int64_t>({1, 1, 2, 2}, {4, 5, 7, 8}))
      .run();
  OpTester("MaxPool")
      .attr("kernel_shape", Ints{2, 2})
      .attr("storage_order", int64_t{1})
      .input(kSquare)
      .expect(tensor<float>({1, 1, 2, 2}, {5, 6, 8, 9}))
      .expect(tensor<int64_t>({1, 1, 2, 2}, {4, 7, 5, 8}))
      .run();
}

TEST(MaxPool, CeilModeDropsWindowsThatStartInThePadding) {
  const Tensor x = tensor<int8_t>({1, 1, 4}, {-4, -3, -2, -1});
  OpTester("MaxPool")
      .attr("kernel_shape", Ints{3})
      .attr("strides", Ints{2})
      .attr("ceil_mode", int64_t{1})
      .input(x)
      .expect(tensor<int8_t>({1, 1, 2}, {-2, -1}))
      .run();
  OpTester("MaxPool")
      .attr("kernel_shape", Ints{1})
      .attr("strides", Ints{3})
      .attr("pads", Ints{0, 1})
      .attr("ceil_mode", int64_t{1})
      .input(x)
      .expect(tensor<int8_t>({1, 1, 2}, {-4, -1}))
      .run();
}

TEST(MaxPool, DilationsAndNaN) {
  OpTester("MaxPool")
      .attr("kernel_shape", Ints{2})
      .attr("dilations", Ints{2})
      .input(tensor<float>({1, 1, 5}, {5, 1, 2, NAN, 3}))
      .expect(tensor<float>({1, 1, 3}, {5, NAN, 3}))
      .run();
}

TEST(AveragePool, PaddingCountsOnlyWhenAsked) {
  const Tensor x = tensor<float>({1, 1, 3}, {3, 6, 9});
  OpTester("AveragePool")
      .attr("kernel_shape", Ints{2})
      .attr("pads", Ints{1, 1})
      .input(x)
      .expect(tensor<float>({1, 1, 4}, {3, 4.5f, 7.5f, 9}))
      .run();
  OpTester("AveragePool")
      .attr("kernel_shape", Ints{2})
      .attr("pads", Ints{1, 1})
      .attr("count_include_pad", int64_t{1})
      .input(x)
      .expect(tensor<float>({1, 1, 4}, {1.5f, 4.5f, 7.5f, 4.5f}))
      .run();
  // Beyond the padding nothing counts.
  OpTester("AveragePool")
      .attr("kernel_shape", Ints{2})
      .attr("strides", Ints{2})
      .attr("count_include_pad", int64_t{1})
      .attr("ceil_mode", int64_t{1})
      .input(x)
      .expect(tensor<float>({1, 1, 2}, {4.5f, 9}))
      .run();
}

TEST(LpPool, Norms) {
  const Tensor x = tensor<float>({1, 1, 2}, {-3, 4});
  OpTester("LpPool")
      .attr("kernel_shape", Ints{2})
      .input(x)
      .expect(tensor<float>({1, 1, 1}, {5}))
      .run();
  OpTester("LpPool")
      .attr("kernel_shape", Ints{2})
      .attr("p", int64_t{1})
      .input(x)
      .expect(tensor<float>({1, 1, 1}, {7}))
      .run();
  OpTester("LpPool")
      .attr("kernel_shape", Ints{2})
      .attr("p", int64_t{3})
      .input(x)
      .expect(tensor<float>({1, 1, 1}, {std::cbrt(91.0f)}))
      .run();
}

TEST(GlobalPool, ReducesAllSpatialAxes) {
  OpTester("GlobalAveragePool").input(kSquare).expect(tensor<float>({1, 1, 1, 1}, {5})).run();
  OpTester("GlobalMaxPool")
      .input(tensor<half>({2, 1, 2}, {1.0f, 2.0f, -1.0f, -2.0f}))
      .expect(tensor<half>({2, 1, 1}, {2.0f, -1.0f}))
      .run();
  OpTester("GlobalLpPool")
      .input(tensor<float>({1, 1, 2}, {3, 4}))
      .expect(tensor<float>({1, 1, 1}, {5}))
      .run();
}

TEST(Pool, ZeroSizeBatchesAndHugeWindows) {
  OpTester("MaxPool")
      .attr("kernel_shape", Ints{2})
      .input(tensor<float>({0, 1, 4}, {}))
      .expect(tensor<float>({0, 1, 3}, {}))
      .run();
  // The work is bounded by the input, not by the window.
  OpTester("AveragePool")
      .attr("kernel_shape", Ints{2000000001})
      .attr("pads", Ints{1000000000, 1000000000})
      .input(tensor<float>({1, 1, 1}, {7}))
      .expect(tensor<float>({1, 1, 1}, {7}))
      .run();
}

TEST(Pool, RefusesWhatDoesNotFit) {
  OpTester("MaxPool")
      .attr("kernel_shape", Ints{2})
      .input(kSquare)
      .expect_error(Code::kInvalidModel, "attribute 'kernel_shape' has 1 values, wanted are 2")
      .run();
  OpTester("MaxPool")
      .attr("kernel_shape", Ints{9, 9})
      .input(kSquare)
      .expect_error(Code::kShapeMismatch, "a window of 9 taps")
      .run();
  OpTester("LpPool")
      .attr("kernel_shape", Ints{1, 1})
      .attr("p", int64_t{0})
      .input(kSquare)
      .expect_error(Code::kInvalidModel, "attribute 'p' is 0")
      .run();
  OpTester("AveragePool")
      .attr("kernel_shape", Ints{1})
      .input(tensor<int8_t>({1, 1, 1}, {1}))
      .expect_error(Code::kUnsupportedType, "has element type i8")
      .run();
}

}  // namespace
}  // namespace ferry
