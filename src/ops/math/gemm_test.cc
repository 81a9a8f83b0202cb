// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Gemm, TransposesAndScales) {
  const Tensor a = tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6}),
               at = tensor<float>({3, 2}, {1, 4, 2, 5, 3, 6});
  const Tensor b = tensor<float>({3, 1}, {1, 2, 3}), bt = tensor<float>({1, 3}, {1, 2, 3});
  OpTester("Gemm").input(a).input(b).expect(tensor<float>({2, 1}, {14, 32})).run();
  OpTester("Gemm")
      .attr("transA", int64_t{1})
      .attr("transB", int64_t{1})
      .attr("alpha", 0.5f)
      .attr("beta", 2.0f)
      .input(at)
      .input(bt)
      .input(tensor<float>({2, 1}, {1, 2}))
      .expect(tensor<float>({2, 1}, {9, 20}))
      .run();
  OpTester("Gemm")
      .input(tensor<int64_t>({1, 1}, {3}))
      .input(tensor<int64_t>({1, 2}, {4, 5}))
      .input(tensor<int64_t>({2}, {1, 2}))
      .expect(tensor<int64_t>({1, 2}, {13, 17}))
      .run();
  OpTester("Gemm")
      .input(a)
      .input(b)
      .input(tensor<float>({3}, {1, 2, 3}))
      .expect_error(Code::kShapeMismatch, "does not broadcast")
      .run();
  OpTester("Gemm")
      .input(a)
      .input(a)
      .expect_error(Code::kShapeMismatch, "inner dimensions differ")
      .run();
}

}  // namespace
}  // namespace ferry
