// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

const Tensor kA = tensor<uint8_t>({2, 2}, {1, 2, 3, 4});
const Tensor kB = tensor<int8_t>({2, 2}, {1, -1, 2, 0});

TEST(MatMulInteger, ZeroPointsOfRowsAndColumns) {
  OpTester("MatMulInteger")
      .input(kA)
      .input(kB)
      .expect(tensor<int32_t>({2, 2}, {5, -1, 11, -3}))
      .run();
  OpTester("MatMulInteger")
      .input(kA)
      .input(kB)
      .input(tensor<uint8_t>({2}, {1, 3}))
      .expect(tensor<int32_t>({2, 2}, {2, 0, 2, 0}))
      .run();
  OpTester("MatMulInteger")
      .input(kA)
      .input(kB)
      .no_input()
      .input(tensor<int8_t>({1, 2}, {1, -1}))
      .expect(tensor<int32_t>({2, 2}, {2, 2, 4, 4}))
      .run();
}

TEST(MatMulInteger, VectorsAndEmptySums) {
  OpTester("MatMulInteger")
      .input(tensor<uint8_t>({2}, {1, 2}))
      .input(tensor<int8_t>({2}, {3, 4}))
      .expect(tensor<int32_t>({}, {11}))
      .run();
  OpTester("MatMulInteger")
      .input(tensor<uint8_t>({1, 0}, {}))
      .input(tensor<int8_t>({0, 2}, {}))
      .expect(tensor<int32_t>({1, 2}, {0, 0}))
      .run();
}

OpTester linear(const Tensor& a_scale) {
  OpTester t("QLinearMatMul");
  t.input(kA).input(a_scale).input(tensor<uint8_t>({}, {0}));
  t.input(kB).input(tensor<float>({2}, {1, 2})).input(tensor<int8_t>({}, {0}));
  t.input(tensor<float>({}, {2})).input(tensor<int8_t>({}, {1}));
  return t;
}

TEST(QLinearMatMul, ScalesOfRowsAndColumns) {
  linear(tensor<float>({}, {1})).expect(tensor<int8_t>({2, 2}, {3, 0, 7, -2})).run();
  linear(tensor<float>({2, 1}, {1, 10})).expect(tensor<int8_t>({2, 2}, {3, 0, 56, -29})).run();
}

TEST(QLinearMatMul, RefusesWhatDoesNotFit) {
  linear(tensor<float>({3}, {1, 1, 1}))
      .expect_error(Code::kShapeMismatch, "a_scale is f32[3], which does not belong to [2,2]")
      .run();
}

}  // namespace
}  // namespace ferry
