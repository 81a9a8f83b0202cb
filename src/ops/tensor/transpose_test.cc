// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Transpose, Permutes) {
  OpTester("Transpose").input(iota({2, 3})).expect(tensor<float>({3, 2}, {0, 3, 1, 4, 2, 5})).run();
  OpTester("Transpose")
      .attr("perm", std::vector<int64_t>{1, 2, 0})
      .input(iota({2, 1, 2}))
      .expect(tensor<float>({1, 2, 2}, {0, 2, 1, 3}))
      .run();
  OpTester("Transpose")
      .input(packed_tensor(DType::kInt4, {2, 3}, {0, 1, 2, 3, 4, 15}))
      .expect(packed_tensor(DType::kInt4, {3, 2}, {0, 3, 1, 4, 2, 15}))
      .run();
  OpTester("Transpose").input(iota({})).expect(iota({})).run();
  OpTester("Transpose")
      .attr("perm", std::vector<int64_t>{0, 2, 1})
      .input(iota({2, 0, 3}))
      .expect(iota({2, 3, 0}))
      .run();
  OpTester("Transpose")
      .attr("perm", std::vector<int64_t>{0, 0})
      .input(iota({2, 3}))
      .expect_error(Code::kInvalidModel, "named twice")
      .run();
  OpTester("Transpose")
      .attr("perm", std::vector<int64_t>{-2, 1})
      .input(iota({2, 3}))
      .expect_error(Code::kInvalidModel, "perm holds -2, wanted are axes from 0 to 1")
      .run();
  OpTester("Transpose")
      .attr("perm", std::vector<int64_t>{0})
      .input(iota({2, 3}))
      .expect_error(Code::kInvalidModel, "perm has 1 axes, x has 2")
      .run();
}

}  // namespace
}  // namespace ferry
