// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Concat, Joins) {
  OpTester("Concat")
      .attr("axis", int64_t{0})
      .input(ints({1, 2}))
      .input(ints({}))
      .input(ints({3}))
      .expect(ints({1, 2, 3}))
      .run();
  OpTester("Concat")
      .attr("axis", int64_t{-1})
      .input(tensor<float>({2, 1}, {1, 2}))
      .input(tensor<float>({2, 2}, {3, 4, 5, 6}))
      .expect(tensor<float>({2, 3}, {1, 3, 4, 2, 5, 6}))
      .run();
  OpTester("Concat")
      .attr("axis", int64_t{0})
      .input(packed_tensor(DType::kInt4, {1}, {3}))
      .input(packed_tensor(DType::kInt4, {2}, {4, 5}))
      .expect(packed_tensor(DType::kInt4, {3}, {3, 4, 5}))
      .run();
  OpTester("Concat")
      .attr("axis", int64_t{0})
      .input(iota({1, 2}))
      .input(iota({1, 3}))
      .expect_error(Code::kShapeMismatch, "its axis 1 must be 2")
      .run();
  OpTester("Concat")
      .attr("axis", int64_t{0})
      .input(iota({}))
      .expect_error(Code::kInvalidModel, "wanted is rank at least 1")
      .run();
}

}  // namespace
}  // namespace ferry
