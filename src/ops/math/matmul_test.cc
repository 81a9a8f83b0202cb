// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(MatMul, Ranks) {
  OpTester("MatMul")
      .input(tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6}))
      .input(tensor<float>({3, 2}, {1, 2, 3, 4, 5, 6}))
      .expect(tensor<float>({2, 2}, {22, 28, 49, 64}))
      .run();
  OpTester("MatMul")
      .input(tensor<int32_t>({2}, {1, 2}))
      .input(tensor<int32_t>({2}, {3, 4}))
      .expect(tensor<int32_t>({}, {11}))
      .run();
  OpTester("MatMul")
      .input(tensor<half>({2}, {1.0f, 2.0f}))
      .input(tensor<half>({2, 2, 1}, {1.0f, 2.0f, 3.0f, 4.0f}))
      .expect(tensor<half>({2, 1}, {5.0f, 11.0f}))
      .run();
  OpTester("MatMul")
      .input(tensor<double>({2, 1, 1, 2}, {1, 2, 3, 4}))
      .input(tensor<double>({2, 2, 1}, {1, 1, 2, 2}))
      .expect(tensor<double>({2, 2, 1, 1}, {3, 6, 7, 14}))
      .run();
  OpTester("MatMul")
      .input(tensor<float>({2, 0}, {}))
      .input(tensor<float>({0, 2}, {}))
      .expect(tensor<float>({2, 2}, {0, 0, 0, 0}))
      .run();
  OpTester("MatMul")
      .input(tensor<uint64_t>({1, 1}, {UINT64_MAX}))
      .input(tensor<uint64_t>({1, 1}, {2}))
      .expect(tensor<uint64_t>({1, 1}, {UINT64_MAX - 1}))
      .run();
  OpTester("MatMul")
      .input(tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6}))
      .input(tensor<float>({2, 2}, {1, 2, 3, 4}))
      .expect_error(Code::kShapeMismatch, "inner dimensions differ: 3")
      .run();
  OpTester("MatMul")
      .input(tensor<float>({}, {1}))
      .input(tensor<float>({1}, {1}))
      .expect_error(Code::kInvalidModel, "rank 0; wanted is rank at least 1")
      .run();
}

}  // namespace
}  // namespace ferry
