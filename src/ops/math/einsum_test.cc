// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

OpTester einsum(const char* equation) { return OpTester("Einsum").attr("equation", std::string(equation)); }

TEST(Einsum, ProductsAndSums) {
  const Tensor a = tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6}), b = tensor<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  einsum("ij,jk->ik").input(a).input(b).expect(tensor<float>({2, 2}, {22, 28, 49, 64})).run();
  einsum("ij, jk").input(a).input(b).expect(tensor<float>({2, 2}, {22, 28, 49, 64})).run();
  einsum("ij->ji").input(a).expect(tensor<float>({3, 2}, {1, 4, 2, 5, 3, 6})).run();
  einsum("ij->").input(a).expect(tensor<float>({}, {21})).run();
  einsum("ij->i").input(a).expect(tensor<float>({2}, {6, 15})).run();
  einsum("ii->i").input(tensor<int32_t>({2, 2}, {1, 2, 3, 4})).expect(tensor<int32_t>({2}, {1, 4})).run();
  einsum("ii").input(tensor<uint8_t>({2, 2}, {200, 2, 3, 100})).expect(tensor<uint8_t>({}, {44})).run();
  einsum("i,j->ij").input(tensor<half>({2}, {1.0f, 2.0f})).input(tensor<half>({2}, {3.0f, 4.0f}))
      .expect(tensor<half>({2, 2}, {3.0f, 4.0f, 6.0f, 8.0f})).run();
  einsum("i,i,i->").input(tensor<double>({2}, {1, 2})).input(tensor<double>({2}, {3, 4})).input(tensor<double>({2}, {5, 6}))
      .expect(tensor<double>({}, {63})).run();
}

TEST(Einsum, Ellipsis) {
  const Tensor a = tensor<float>({2, 1, 2}, {1, 2, 3, 4}), b = tensor<float>({3, 2}, {1, 1, 1, 2, 0, 1});
  einsum("...i,...i->...").input(a).input(b).expect(tensor<float>({2, 3}, {3, 5, 2, 7, 11, 4})).run();
  einsum("...ij->...ji").input(tensor<float>({1, 2}, {1, 2})).expect(tensor<float>({2, 1}, {1, 2})).run();
  einsum("a...").input(tensor<float>({2, 2}, {1, 2, 3, 4})).expect(tensor<float>({2, 2}, {1, 3, 2, 4})).run();
}

TEST(Einsum, EmptyAxes) {
  einsum("ij,jk->ik").input(tensor<float>({2, 0}, {})).input(tensor<float>({0, 1}, {})).expect(tensor<float>({2, 1}, {0, 0})).run();
  einsum("ij->j").input(tensor<float>({2, 0}, {})).expect(tensor<float>({0}, {})).run();
}

TEST(Einsum, Refuses) {
  const Tensor a = tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  einsum("ij,jk->ik").input(a).expect_error(Code::kInvalidModel, "has 2 terms, the node has 1 inputs").run();
  einsum("ijk->i").input(a).expect_error(Code::kShapeMismatch, "does not fit input 0 of rank 2").run();
  einsum("ij->k").input(a).expect_error(Code::kInvalidModel, "output label 'k'").run();
  einsum("ij->ii").input(a).expect_error(Code::kInvalidModel, "names an axis twice").run();
  einsum("i1->i").input(a).expect_error(Code::kInvalidModel, "more than letters").run();
  einsum("ij,ij->ij").input(a).input(tensor<float>({2, 2}, {1, 2, 3, 4})).expect_error(Code::kShapeMismatch, "").run();
}

}  // namespace
}  // namespace ferry
